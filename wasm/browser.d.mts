import type { OpenOptions, Session } from './index.js';
export { PanicroomError, Session, blobFile } from './index.js';

/** Opens dump and kernel files, in any order; `createEngine` is the default export of panicroom.js. */
export function open(
  createEngine: (options: object) => Promise<unknown>,
  moduleOptions: object,
  blobs: Blob[],
  options?: OpenOptions,
): Promise<Session>;
