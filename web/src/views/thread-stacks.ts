import type { Cell, Column } from '../engine/protocol';
import { record } from '../format';
import { type Frame, symbolText } from '../parts/frames';

/** A thread with its frames, the innermost first. */
export interface ThreadStack {
  /** What the table `threads` says of it, else what its frames say. */
  thread: Record<string, Cell>;
  frames: Frame[];
}

interface Rows {
  columns: Column[];
  rows: Cell[][];
}

// Idle threads share an id; their names differ.
const identity = (of: Record<string, Cell>) => JSON.stringify([of['pid'], of['tid'], of['name']]);

/** The rows of the table `frames` by threads: the crashed thread first, then in the table's order. */
export function threadStacks(frames: Rows, threads: Rows): ThreadStack[] {
  const known = new Map<string, Record<string, Cell>>();
  for (const row of threads.rows) {
    const thread = record(threads.columns, row);
    known.set(identity(thread), thread);
  }
  const stacks: ThreadStack[] = [];
  for (const row of frames.rows) {
    const frame = record(frames.columns, row);
    const current = stacks.at(-1);
    // What was inlined into the innermost function has its number too.
    if (current && (frame['frame'] !== 0 || current.frames.at(-1)!['inlined'] === true)) current.frames.push(frame);
    else stacks.push({ thread: known.get(identity(frame)) ?? frame, frames: [frame] });
  }
  const crashed = stacks.filter(({ thread }) => thread['crashed'] === true);
  return crashed.length ? [...crashed, ...stacks.filter((stack) => !crashed.includes(stack))] : stacks;
}

/** True when each word is somewhere in the thread or its frames, letter case aside. */
export function holdsWords({ thread, frames }: ThreadStack, words: string[]): boolean {
  if (words.length === 0) return true;
  const text = [
    ...['name', 'process', 'pid', 'tid', 'state'].map((column) => thread[column]),
    ...frames.flatMap((frame) => [symbolText(frame), frame['pc']]),
  ]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word.toLowerCase()));
}
