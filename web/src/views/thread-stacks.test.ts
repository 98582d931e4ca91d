import { expect, test } from 'vitest';
import type { Cell, Column } from '../engine/protocol';
import { holdsWords, threadStacks } from './thread-stacks';

const columns = (...names: string[]): Column[] => names.map((name) => ({ name, type: 'text', doc: '' }));
const frames = (...rows: Cell[][]) => ({ columns: columns('pid', 'tid', 'name', 'frame', 'pc', 'symbol', 'offset'), rows });
const threads = (...rows: Cell[][]) => ({ columns: columns('pid', 'tid', 'name', 'state', 'crashed'), rows });

const stacks = threadStacks(
  frames(
    [0, 0, 'swapper/0', 0, '0x10', 'schedule', 46],
    [0, 0, 'swapper/0', 1, '0x20', 'do_idle', 8],
    [0, 0, 'swapper/1', 0, '0x10', 'schedule', 46],
    [144, 150, 'trigger', 0, '0x30', 'delay_tsc', 51],
    [144, 150, 'trigger', 1, '0x40', 'panic', 745],
  ),
  threads(
    [0, 0, 'swapper/0', 'running', false],
    [0, 0, 'swapper/1', 'running', false],
    [144, 150, 'trigger', 'running', true],
  ),
);

test('frames are under their thread, the crashed one first, idle threads of one id apart', () => {
  expect(stacks.map(({ thread, frames }) => [thread['name'], thread['state'], frames.map((frame) => frame['symbol'])])).toEqual([
    ['trigger', 'running', ['delay_tsc', 'panic']],
    ['swapper/0', 'running', ['schedule', 'do_idle']],
    ['swapper/1', 'running', ['schedule']],
  ]);
});

test('functions that were inlined into the innermost one begin no stack of their own', () => {
  const of = { ...frames(), columns: columns('pid', 'tid', 'name', 'frame', 'pc', 'symbol', 'offset', 'inlined') };
  of.rows = [
    [7, 7, 'sh', 0, '0x10', 'list_del', null, true],
    [7, 7, 'sh', 0, '0x10', 'remove', null, true],
    [7, 7, 'sh', 0, '0x10', 'do_exit', 8, false],
    [7, 7, 'sh', 1, '0x20', 'exit', 4, false],
    [8, 8, 'cat', 0, '0x10', 'list_del', null, true],
    [8, 8, 'cat', 0, '0x10', 'do_exit', 8, false],
  ];
  expect(threadStacks(of, threads()).map((stack) => stack.frames.map((frame) => frame['symbol']))).toEqual([
    ['list_del', 'remove', 'do_exit', 'exit'],
    ['list_del', 'do_exit'],
  ]);
});

test('a filter finds threads by any of their frames, offsets in hexadecimal', () => {
  const found = (...words: string[]) => stacks.filter((stack) => holdsWords(stack, words)).map(({ thread }) => thread['name']);
  expect(found('do_idle')).toEqual(['swapper/0']);
  expect(found('panic+0x2e9')).toEqual(['trigger']);
  expect(found('SCHEDULE', 'swapper/1')).toEqual(['swapper/1']);
  expect(found('150')).toEqual(['trigger']);
  expect(found()).toHaveLength(3);
});

test('frames of a thread that the threads do not list stand under what they say themselves', () => {
  const [only] = threadStacks(frames([7, 7, 'lost', 0, '0x10', null, null]), threads());
  expect(only!.thread['name']).toBe('lost');
});
