import { expect, test } from 'vitest';
import type { Column } from '../engine/protocol';
import { tracks } from './tracks';

const column = (name: string, type: Column['type']): Column => ({ name, type, doc: '' });
const log = [column('time', 'real'), column('level', 'integer'), column('text', 'text')];

test('columns are as wide as their first rows or names', () => {
  expect(tracks([column('pid', 'integer'), column('sp', 'address')], [[12345, '0xffff'], [1, null]], false)).toBe('7ch 8ch');
});

test('a time has room for what later rows need', () => {
  expect(tracks(log, [[0.5, 6, 'x']], false)).toMatch(/^13ch 8ch /);
});

test('the last text takes what is left, and no more where lines break', () => {
  expect(tracks(log, [[0.5, 6, 'x'.repeat(200)]], false)).toMatch(/minmax\(34ch, 1fr\)$/);
  expect(tracks(log, [[0.5, 6, 'x'.repeat(200)]], true)).toMatch(/minmax\(0, 1fr\)$/);
});
