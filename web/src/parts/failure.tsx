import type { Failure, Note } from '../engine/protocol';
import { usePlace } from '../session';
import { advice, type Place } from './advice';

const titles: Record<Failure['code'], string> = {
  not_in_dump: 'Not in the dump',
  corrupt: 'Damaged',
  unmapped: 'Not mapped',
  unsupported: 'Cannot be read',
  no_symbol: 'No such symbol',
  no_type: 'No type information',
  io: 'The file could not be read',
  invalid: 'Not possible',
};

interface FailureBoxProps {
  failure: Failure;
  heading?: string;
  /** Where it is shown, when that is not where the component stands. */
  place?: Place;
  /** False where it is said elsewhere what to do. */
  advised?: boolean;
}

export function FailureBox({ failure, heading, place, advised = true }: FailureBoxProps) {
  const here = usePlace();
  const hint = advice(failure, place ?? here);
  const todo = advised ? hint : null;
  return (
    <div className="failure" role="alert">
      <strong>{heading ?? titles[failure.code]}</strong>
      <p className="failure-text">{failure.text}.</p>
      {(failure.address !== null || failure.offset !== null) && (
        <p className="mono dim">
          {failure.address !== null && <>address {failure.address} </>}
          {failure.offset !== null && <>file offset {failure.offset}</>}
        </p>
      )}
      {todo && <p className="dim">{todo}</p>}
    </div>
  );
}

/** Remarks that accompany an answer. */
export function Notes({ notes }: { notes: Note[] }) {
  if (notes.length === 0) return null;
  return (
    <details className="notes" open={notes.length <= 3}>
      <summary>{notes.length === 1 ? '1 note' : `${notes.length} notes`}</summary>
      <ul>
        {notes.map((note, index) => (
          <li key={index}>
            <span className={`code code-${note.code}`}>{note.code.replaceAll('_', ' ')}</span> {note.text}
            {note.at !== null && <span className="mono dim"> at {note.at}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}
