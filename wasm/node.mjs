import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { builtEngine } from './locate.mjs';
import { PanicroomError, Session } from './session.mjs';

export { PanicroomError, Session };

let engine;
/** The engine's module, instantiated once. */
export function loadEngine() {
  engine ??= import(pathToFileURL(builtEngine('panicroom.js')).href).then(({ default: create }) =>
    create({ wasmBinary: readFileSync(builtEngine('panicroom.wasm')) }),
  );
  return engine;
}

/** A file of this machine that the engine reads by slices. Close it when the session is done. */
export function openFile(path) {
  const descriptor = openSync(path, 'r');
  const status = fstatSync(descriptor);
  return {
    name: path,
    size: status.size,
    isDirectory: status.isDirectory(),
    isFile: status.isFile(),
    read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(descriptor, bytes, done, length - done, offset + done);
        if (count === 0) throw new Error('the file became shorter while it was read');
        done += count;
      }
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}

/** Opens dump and kernel files, in any order, by their paths. */
export async function open(paths, options = {}) {
  const files = paths.map(openFile);
  return new Session(await loadEngine(), files, options);
}
