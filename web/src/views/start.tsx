import type { Failure } from '../engine/protocol';
import { sampleName } from '../engine/embedded';
import { FailureBox } from '../parts/failure';
import { FilePicker } from '../parts/file-picker';
import { Heading } from '../parts/heading';

interface StartProps {
  onFiles(files: File[]): void;
  onSample(): void;
  failure: Failure | null;
  /** The page was loaded anew while a dump was open. */
  reloaded: boolean;
  takesFocus: boolean;
}

const formats = [
  ['Linux', 'kdump-compressed (makedumpfile, QEMU; zlib, lzo, snappy, zstd; split, flattened), ELF vmcore, QEMU’s ELF dumps'],
  ['FreeBSD', 'minidumps of amd64, i386 and arm64; full ELF dumps'],
  ['NetBSD, OpenBSD', 'savecore’s kernel cores, full and sparse, and the dump device: amd64, i386, arm64'],
  ['DragonFly', 'minidumps of both versions; full ELF dumps'],
  ['illumos, SmartOS', 'vmdump.N and vmcore.N, 32 and 64 bits'],
  ['around them', 'gzip and zstd'],
];

/** Where the files are chosen. */
export function Start({ onFiles, onSample, failure, reloaded, takesFocus }: StartProps) {
  return (
    <main className="start">
      <Heading takesFocus={takesFocus}>Open a kernel crash dump</Heading>
      <p className="lead">What died, on which thread, which processes ran and what the log said.</p>
      {failure && <FailureBox failure={failure} heading="This could not be opened" />}
      {reloaded && <p role="status">The page was loaded anew and has kept nothing: open the dump again.</p>}
      <div className="drop">
        <p className="drop-main">Drop the dump here</p>
        <p className="dim">and, for a BSD, its kernel file with it. Any size, any order, any names.</p>
        <div className="drop-actions">
          <FilePicker className="primary" onFiles={onFiles} testId="files">
            Choose files…
          </FilePicker>
          {sampleName() && (
            <button type="button" onClick={onSample}>
              Open the sample dump
            </button>
          )}
        </div>
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
