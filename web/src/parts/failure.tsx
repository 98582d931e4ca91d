import type { Failure, Note } from '../engine/protocol';

/** How a failure of the engine itself begins. */
export const engineStopped = 'the engine stopped';

/** What the user can do about an error, by its code. */
export function advice(failure: Failure): string | null {
  if (failure.text.startsWith(engineStopped))
    return 'This is a fault of Panicroom, not of your file. Open the file again; if it happens again, please report this text.';
  switch (failure.code) {
    case 'corrupt':
      return 'The bytes contradict the format. Compare the size and checksum with the original: a copy may have been cut or changed on the way.';
    case 'unsupported':
      return 'If the file is packed (bzip2, xz, an archive), unpack it first. Otherwise the list of formats on the start page says what can be read.';
    case 'io':
      return 'Choose the file again: it may have been changed, moved or deleted after it was chosen.';
    case 'no_symbol':
      return 'Open the dump together with the kernel file it came from (FreeBSD: /boot/kernel/kernel).';
    case 'no_type':
      return 'The dump carries no type information for this; a kernel built with BTF does.';
    case 'not_in_dump':
      switch (failure.absence) {
        case 'excluded':
          return 'The dump’s writer left this page out on purpose (makedumpfile -d). A dump with a lower level would have it.';
        case 'truncated':
          return 'The file ends before this page. Copy the dump again if the original is longer.';
        case 'other_part':
          return 'Open all files of the split set together.';
        default:
          return 'There was no memory at this address.';
      }
    case 'unmapped':
      return 'Check the address and whose address space it belongs to.';
    default:
      return null;
  }
}

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

export function FailureBox({ failure, heading }: { failure: Failure; heading?: string }) {
  const todo = advice(failure);
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
