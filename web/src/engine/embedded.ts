import type { WorkerFactory } from './client';

/** The bytes that the build put into the page under this id, or undefined. */
export async function embedded(id: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const text = document.getElementById(id)?.textContent;
  if (!text) return undefined;
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

export const sampleName = () => document.getElementById('sample')?.dataset['name'];

export async function sampleFile(): Promise<File | undefined> {
  const bytes = await embedded('sample');
  return bytes && new File([bytes], sampleName() ?? 'sample.vmcore');
}

/** Starts a worker from the script inside the page. */
export const startWorker: WorkerFactory = async () => {
  const [script, wasm] = await Promise.all([embedded('engine-worker'), embedded('engine-wasm')]);
  if (!script || !wasm) throw new Error('this page was built without its engine');
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  try {
    return { worker: new Worker(url), wasm: wasm.buffer };
  } finally {
    // The worker has its own reference once it is constructed, but Firefox fetches it a moment later.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
};
