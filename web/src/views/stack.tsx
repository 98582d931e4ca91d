import { record } from '../format';
import { FailureBox, Notes } from '../parts/failure';
import { Frames } from '../parts/frames';
import { useAnswer, useFacts, useTable } from '../session';

/** A thread's kernel stack, or that of the thread on which the kernel died. */
export function Stack({ of: { name, ...of } }: { of: { pid?: number | null; tid?: number | null; name?: string | null; crashed?: boolean } }) {
  const table = useTable('frames');
  const answer = useAnswer('query', table ? { table: 'frames', options: { ...of, limit: 1000 } } : null);
  // What the Summary says of the whole dump is not said again with each stack.
  const said = new Set(useFacts().notes.map((note) => note.text));
  if (!table) return null;
  if (answer.failure) return <FailureBox failure={answer.failure} />;
  if (!answer.value) return <p className="dim">unwinding…</p>;
  // Idle threads share an id; their names differ.
  const frames = answer.value.rows
    .map((row) => record(table.columns, row))
    .filter((frame) => name == null || frame['name'] == null || frame['name'] === name);
  return (
    <>
      {frames.length === 0 && <p className="dim">No frames.</p>}
      <Frames frames={frames} stale={answer.loading} />
      <Notes notes={answer.value.notes.filter((note) => !said.has(note.text))} />
    </>
  );
}
