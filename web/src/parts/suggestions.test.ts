import { describe, expect, it } from 'vitest';
import { type Found, suggestions } from './suggestions';

const views = [
  { view: 'summary', title: 'Summary' },
  { view: 'processes', title: 'Processes' },
  { view: 'log', title: 'Log' },
];
const crasher = { pid: 144, name: 'crasher', address: '0x1' };
const trigger = { pid: 144, tid: 150, name: 'trigger', crashed: true, address: '0x2' };
const leader = { pid: 144, tid: 144, name: 'crasher', crashed: false, address: '0x1' };
const found = (typed: string, of: Partial<Found> = {}) =>
  suggestions({ typed, views, processes: [], threads: [], symbols: [], resolved: null, ...of }).flatMap((group) =>
    group.items.map((item) => [item.label, item.route] as const),
  );
const labels = (typed: string, of: Partial<Found> = {}) => found(typed, of).map(([label]) => label);

describe('what the palette offers', () => {
  it('every view when nothing is typed', () => {
    expect(labels('')).toEqual(['Summary', 'Processes', 'Log']);
  });

  it('a process before memory for its id', () => {
    expect(found('144', { processes: [crasher], threads: [leader] })).toEqual([
      ['crasher', { view: 'processes', pid: 144 }],
      ['Memory at 144', { view: 'memory', at: '144' }],
    ]);
  });

  it('a thread by its id or name', () => {
    expect(found('150', { threads: [trigger] })[0]).toEqual(['trigger', { view: 'threads', pid: 144, tid: 150 }]);
    expect(labels('trigger', { threads: [trigger] })).toEqual(['trigger']);
    expect(labels('trig', { threads: [trigger] })).toEqual(['trigger']);
  });

  it('the crashed thread, even where its process has its name', () => {
    const named = { ...trigger, name: 'crasher' };
    expect(labels('crasher', { processes: [crasher], threads: [leader, named] })).toEqual(['crasher', 'crasher']);
  });

  it('memory for a number and for a symbol, with or without an offset', () => {
    expect(found('0xffff')).toEqual([['Memory at 0xffff', { view: 'memory', at: '0xffff' }]]);
    const init = { name: 'init_task', address: '0x10' };
    expect(found('init_task', { symbols: [init], resolved: '0x10' })).toEqual([['init_task', { view: 'memory', at: 'init_task' }]]);
    expect(labels('init_task+8', { resolved: '0x18' })).toEqual(['init_task+8']);
  });

  it('a symbol of that name before processes whose names only begin with it', () => {
    const process = { pid: 9, name: 'panicd', address: '0x3' };
    expect(labels('panic', { processes: [process], resolved: '0x10' })).toEqual(['panic', 'panicd']);
  });

  it('nothing for what is neither', () => {
    expect(labels('zzzz')).toEqual([]);
  });
});
