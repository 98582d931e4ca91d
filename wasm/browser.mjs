import { PanicroomError, Session } from './session.mjs';

export { PanicroomError, Session };

/** A File or Blob that the engine reads by slices; only a worker may read synchronously. */
export function blobFile(blob, name = blob.name ?? 'dump') {
  const reader = new FileReaderSync();
  return {
    name,
    size: blob.size,
    read(offset, length) {
      try {
        return new Uint8Array(reader.readAsArrayBuffer(blob.slice(offset, offset + length)));
      } catch (error) {
        throw new Error(
          error.name === 'NotReadableError' || error.name === 'NotFoundError'
            ? 'it was changed, moved or deleted after it was chosen'
            : error.message,
        );
      }
    },
  };
}

/** Opens dump and kernel files (File or Blob), in any order; `createEngine` is panicroom.js's default export. */
export async function open(createEngine, moduleOptions, blobs, options = {}) {
  const engine = await createEngine(moduleOptions);
  return new Session(engine, blobs.map((blob) => blobFile(blob)), options);
}
