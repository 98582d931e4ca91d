import { expect, test } from 'vitest';
import { incompleteness } from './incomplete';

const note = (text: string) => ({ code: 'not_in_dump' as const, text, at: null });
const facts = { complete: false, memory_present: 8638464, memory_missing: 1306624 };

test('a dump that is cut off says how much is missing and what to do', () => {
  const notes = [note('something else'), note('the file ends early: the last pages that it describes are not in it')];
  expect(incompleteness(facts, notes)).toEqual({
    note: notes[1],
    headline: 'This dump is cut off',
    amount: '1.25 MiB of the 9.48 MiB of memory that it should hold are missing.',
    todo: expect.stringContaining('copy it again'),
  });
});

test('a dump whose writer did not finish is not to be copied again', () => {
  const unfinished = incompleteness(facts, [note("the dump's writer marked it incomplete: it ran out of space or was stopped")]);
  expect(unfinished?.headline).toBe('This dump was not finished');
  expect(unfinished?.todo).not.toContain('copy');
});

test('a part of a split set that was not given is to be added', () => {
  const part = incompleteness({ ...facts, complete: true }, [note('the part of the split dump with page frames 0x0 to 0x8 was not given')]);
  expect(part?.todo).toContain('Add the other files');
});

test('a complete dump lacks nothing, nor one of which it is not known', () => {
  expect(incompleteness({ complete: true, memory_missing: 0 }, [])).toBeNull();
  expect(incompleteness({ complete: null, memory_missing: null }, [])).toBeNull();
});
