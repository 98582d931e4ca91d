import type { Cell } from '../engine/protocol';
import { record } from '../format';
import { FailureBox, Notes } from '../parts/failure';
import { navigate } from '../route';
import { useAnswer, useTable } from '../session';

/** A thread's kernel stack, or that of the thread on which the kernel died. */
export function Stack({ of }: { of: { pid?: number | null; tid?: number | null; crashed?: boolean } }) {
  const table = useTable('frames');
  const answer = useAnswer('query', table ? { table: 'frames', options: { ...of, limit: 1000 } } : null);
  if (!table) return null;
  if (answer.failure) return <FailureBox failure={answer.failure} />;
  if (!answer.value) return <p className="dim">unwinding…</p>;
  const frames = answer.value.rows.map((row) => record(table.columns, row));
  return (
    <>
      {frames.length === 0 && <p className="dim">No frames.</p>}
      <ol className={`stack${answer.loading ? ' stale' : ''}`} aria-label="Kernel stack, innermost frame first">
        {frames.map((frame, index) => (
          <li key={index}>
            <span className="dim frame-number">#{String(frame['frame'] ?? index)}</span>
            <button
              type="button"
              className="address"
              title="Show this memory"
              onClick={() => navigate({ view: 'memory', at: String(frame['pc']) })}
            >
              {String(frame['pc'])}
            </button>
            <span className="frame-symbol">{symbolOf(frame['symbol'] ?? null, frame['offset'] ?? null)}</span>
          </li>
        ))}
      </ol>
      <Notes notes={answer.value.notes} />
    </>
  );
}

function symbolOf(symbol: Cell, offset: Cell) {
  if (symbol === null) return <span className="null">no symbol covers it</span>;
  return (
    <>
      <b>{String(symbol)}</b>
      {offset !== null && <span className="dim">+0x{BigInt(offset as number | string).toString(16)}</span>}
    </>
  );
}
