#!/usr/bin/env node
// The command line of the native program, run by the same engine as WebAssembly.
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { loadEngine, openFile } from '../node.mjs';

const reasons = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ENOTDIR: 'Not a directory',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
};

/** Writes all of it, also to a pipe whose reader is slow; false when nobody reads. */
function writeAll(descriptor, bytes) {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done, bytes.length - done);
    } catch (error) {
      if (error.code === 'EAGAIN') {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        continue;
      }
      return false;
    }
  }
  return true;
}

// Small writes are gathered: a table is written row by row.
let gathered = [];
let gatheredBytes = 0;
let outputOpen = true;
function flush() {
  if (gatheredBytes && outputOpen) outputOpen = writeAll(1, Buffer.concat(gathered));
  gathered = [];
  gatheredBytes = 0;
  return outputOpen;
}

const host = {
  columns: process.stdout.isTTY ? process.stdout.columns : 0,
  open(path) {
    try {
      const file = openFile(path);
      if (file.isDirectory) return { error: { code: 'io', text: 'is a folder, not a file' } };
      if (!file.isFile) return { error: { code: 'io', text: 'is a device that cannot be read as a file' } };
      if (file.size === 0) return { error: { code: 'io', text: 'the file is empty' } };
      return file;
    } catch (error) {
      return { error: { code: 'io', text: `cannot be opened: ${reasons[error.code] ?? error.message}` } };
    }
  },
  exists: (path) => existsSync(path),
  // What is being read keeps its bytes until the new file is whole.
  writeFile(path, bytes) {
    const fresh = `${path}.partial`;
    try {
      const descriptor = openSync(fresh, 'wx');
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done);
        closeSync(descriptor);
        renameSync(fresh, path);
      } catch (error) {
        rmSync(fresh, { force: true });
        throw error;
      }
      return undefined;
    } catch (error) {
      return `it cannot be written (${fresh}): ${reasons[error.code] ?? error.message}`;
    }
  },
  out(bytes) {
    gathered.push(Buffer.from(bytes));
    gatheredBytes += bytes.length;
    return gatheredBytes < 65536 || flush();
  },
  err(text) {
    flush();
    writeAll(2, Buffer.from(text));
  },
  environment: (name) => process.env[name],
};

// Standard input, a line at a time.
let read = Buffer.alloc(0);
let inputEnded = false;
function more() {
  const piece = Buffer.alloc(65536);
  for (;;) {
    try {
      const size = readSync(0, piece, 0, piece.length, null);
      inputEnded = size === 0;
      read = Buffer.concat([read, piece.subarray(0, size)]);
      return;
    } catch (error) {
      if (error.code !== 'EAGAIN') {
        inputEnded = true;
        return;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
host.line = () => {
  for (;;) {
    const end = read.indexOf(10);
    if (end < 0 && !inputEnded) {
      more();
      continue;
    }
    if (end < 0 && read.length === 0) return undefined;
    const line = read.subarray(0, end < 0 ? read.length : end);
    read = end < 0 ? Buffer.alloc(0) : read.subarray(end + 1);
    return line;
  }
};

const engine = await loadEngine();
const status = engine.runCommandLine(process.argv.slice(2), host);
flush();
process.exitCode = status;
