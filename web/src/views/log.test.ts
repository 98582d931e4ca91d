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
const texts = (found: Cell[][]) => found.map((row) => row[1]);

test('the last words begin with the latest panic', () => {
  const log = rows('boot', 'panic: x', 'on the way', 'panic: x', 'CPU: 1', 'trace', 'end');
  expect(texts(lastWords(log, table, 3, 'panic: x'))).toEqual(['panic: x', 'CPU: 1', 'trace']);
});

test('without a panic in reach they are the last lines', () => {
  const log = rows('a', 'b', 'c', 'd');
  expect(texts(lastWords(log, table, 2, 'panic: x'))).toEqual(['c', 'd']);
  expect(texts(lastWords(log, table, 2, null))).toEqual(['c', 'd']);
});
