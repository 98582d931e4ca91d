import { useEffect, useState } from 'react';
import type { Engine } from '../engine/client';
import type { Progress } from '../engine/protocol';
import { bytes } from '../format';
import { Heading } from '../parts/heading';

interface OpeningProps {
  engine: Engine;
  files: { name: string; size: number }[];
  onCancel(): void;
}

/** What is read while a dump is opened. */
export function Opening({ engine, files, onCancel }: OpeningProps) {
  const [read, setRead] = useState<Record<string, number>>({});
  useEffect(
    () =>
      engine.onProgress((progress: Progress) =>
        setRead((before) => ({ ...before, [progress.file]: progress.bytesRead })),
      ),
    [engine],
  );
  return (
    <main className="start opening" aria-busy="true">
      <Heading>Opening</Heading>
      <ul className="reading">
        {files.map((file, index) => {
          const done = Math.min(read[file.name] ?? 0, file.size);
          return (
            <li key={index}>
              <span className="file-name">{file.name}</span>
              <span className="mono dim">
                {bytes(done)} of {bytes(file.size)} read
              </span>
              <progress aria-label={`Read of ${file.name}`} max={file.size || 1} value={done} />
            </li>
          );
        })}
      </ul>
      <p className="dim">Only what is looked at is read, so most dumps are ready long before the end.</p>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </main>
  );
}
