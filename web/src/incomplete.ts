import type { Cell, Note } from './engine/protocol';
import { bytes } from './format';

/** What a dump lacks of what it should hold. */
export interface Incompleteness {
  headline: string;
  /** The note that tells it. */
  note: Note | undefined;
  amount: string;
  todo: string;
}

type Kind = [pattern: RegExp, headline: string, todo: string];
const unknownKind: Kind = [/^incomplete$/, 'This dump is incomplete', 'If the original is longer, copy it again.'];
const kinds: Kind[] = [
  [/the part of the split dump/, 'Part of this dump is missing', 'Add the other files of the split set: drop them on this page.'],
  [
    /marked it incomplete/,
    'This dump was not finished',
    'Its writer ran out of space or was stopped: this file may be all that there is.',
  ],
  [
    /the file ends early/,
    'This dump is cut off',
    'Compare the file’s size with the original’s and copy it again. What is here can be looked at all the same.',
  ],
];

/** By the facts and notes of the table `dump`; null where the dump holds all that it should. */
export function incompleteness(facts: Record<string, Cell>, notes: Note[]): Incompleteness | null {
  const missing = Number(facts['memory_missing'] ?? 0);
  if (facts['complete'] !== false && missing === 0) return null;
  const [pattern, headline, todo] =
    kinds.find(([kind]) => notes.some((note) => kind.test(note.text))) ?? unknownKind;
  const note = notes.find(({ text }) => pattern.test(text));
  const wanted = Number(facts['memory_present'] ?? 0) + missing;
  const amount = missing
    ? `${bytes(missing)} of the ${bytes(wanted)} of memory that it should hold are missing.`
    : 'How much is missing is not known.';
  return { headline, note, amount, todo };
}
