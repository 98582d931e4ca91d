import { type ChangeEvent, type DragEvent, useRef, useState } from 'react';
import type { Failure } from '../engine/protocol';
import { sampleName } from '../engine/embedded';
import { FailureBox } from '../parts/failure';

interface StartProps {
  onFiles(files: File[]): void;
  onSample(): void;
  failure: Failure | null;
}

const formats = [
  ['Linux', 'kdump-compressed (makedumpfile, QEMU; zlib, lzo, snappy, zstd; split, flattened), ELF vmcore, QEMU’s ELF dumps'],
  ['FreeBSD', 'minidumps of amd64, i386 and arm64; full ELF dumps'],
  ['around them', 'gzip and zstd'],
];

/** Where the files are chosen. */
export function Start({ onFiles, onSample, failure }: StartProps) {
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);

  function onChange(event: ChangeEvent<HTMLInputElement>) {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    if (files.length) onFiles(files);
  }
  function onDrop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const files = [...event.dataTransfer.files];
    if (files.length) onFiles(files);
  }

  return (
    <main className="start">
      <h1>Open a kernel crash dump</h1>
      <p className="lead">What died, on which thread, which processes ran and what the log said.</p>
      {failure && <FailureBox failure={failure} heading="This could not be opened" />}
      <div
        className={`drop${over ? ' over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={onDrop}
      >
        <p className="drop-main">Drop the dump here</p>
        <p className="dim">and, for FreeBSD, its kernel file with it. Any size, any order, any names.</p>
        <div className="drop-actions">
          <button type="button" className="primary" onClick={() => picker.current?.click()}>
            Choose files…
          </button>
          {sampleName() && (
            <button type="button" onClick={onSample}>
              Open the sample dump
            </button>
          )}
        </div>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Dump and kernel files"
          data-testid="files"
          onChange={onChange}
        />
      </div>
      <dl className="formats">
        {formats.map(([system, what]) => (
          <div key={system}>
            <dt>{system}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </main>
  );
}
