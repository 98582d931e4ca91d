import { expect, test } from 'vitest';
import type { Cell, TableInfo } from '../engine/protocol';
import { lastWords } from './log';

const table: TableInfo = {
  name: 'log',
  doc: '',
  columns: [
    { name: 'time', type: 'real', doc: '' },
    { name: 'text', type: 'text', doc: '' },
  ],
};
const rows = (...texts: string[]): Cell[][] => texts.map((text, index) => [index, text]);
const found = (log: Cell[][], count: number, words: string | null) => {
  const { first, rows: shown } = lastWords(log, table, count, words);
  return [first, ...shown.map((row) => row[1])];
};

test('the last words begin with the latest panic', () => {
  const log = rows('boot', 'panic: x', 'on the way', 'panic: x', 'CPU: 1', 'trace', 'end');
  expect(found(log, 3, 'panic: x')).toEqual([3, 'panic: x', 'CPU: 1', 'trace']);
});

test('without a panic in reach they are the last lines', () => {
  const log = rows('a', 'b', 'c', 'd');
  expect(found(log, 2, 'panic: x')).toEqual([2, 'c', 'd']);
  expect(found(log, 9, null)).toEqual([0, 'a', 'b', 'c', 'd']);
});
