import { useEffect, useState } from 'react';
import type { Engine } from '../engine/client';
import { bytes } from '../format';

/** Shows that an answer takes its time, and stops it. */
export function Busy({ engine, onCancel }: { engine: Engine; onCancel(): void }) {
  const [slow, setSlow] = useState(false);
  const [read, setRead] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const endPending = engine.onPending((pending) => {
      if (pending === 0) {
        clearTimeout(timer);
        timer = undefined;
        setSlow(false);
      } else {
        timer ??= setTimeout(() => setSlow(true), 700);
      }
    });
    const endProgress = engine.onProgress((progress) => setRead(progress.bytesRead));
    return () => {
      clearTimeout(timer);
      endPending();
      endProgress();
    };
  }, [engine]);
  if (!slow) return null;
  return (
    <div className="busy" role="status">
      <span>Reading… {bytes(read)} up to now</span>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </div>
  );
}
