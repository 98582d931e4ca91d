import type { Failure } from '../engine/protocol';
import { openDump } from './advice';
import { Dialog } from './dialog';
import { FailureBox } from './failure';

export type Asking = { files: File[] } | { failure: Failure; names: string[] };

const namesOf = (names: string[]) => (names.length === 1 ? <span className="mono">{names[0]}</span> : `${names.length} files`);

interface AddOrOpenProps {
  /** Files that were dropped while a dump is open, or why they cannot be opened. */
  of: Asking | null;
  onAdd(files: File[]): void;
  onOpen(files: File[]): void;
  onClose(): void;
}

/** Asks what to do with files that are dropped while a dump is open. */
export function AddOrOpen({ of, onAdd, onOpen, onClose }: AddOrOpenProps) {
  return (
    <Dialog open={of !== null} onClose={onClose} className="text-dialog" aria-labelledby="dropped-title">
      {of && 'failure' in of && (
        <>
          <h2 id="dropped-title">{namesOf(of.names)} could not be opened</h2>
          <FailureBox failure={of.failure} place={openDump} />
          <p className="dim">The dump that was open is still open.</p>
          <button type="button" className="primary" onClick={onClose}>
            Close
          </button>
        </>
      )}
      {of && 'files' in of && (
        <>
          <h2 id="dropped-title">
            {namesOf(of.files.map((file) => file.name))}: add or open instead?
          </h2>
          <p className="dim">
            Add the kernel file of the open dump, or the other files of a split one. A dump of its own is opened instead.
          </p>
          <div className="dialog-actions">
            <button type="button" className="primary" onClick={() => onAdd(of.files)}>
              Add to the open dump
            </button>
            <button type="button" onClick={() => onOpen(of.files)}>
              Open instead
            </button>
            <button type="button" className="quiet" onClick={onClose}>
              Cancel
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
