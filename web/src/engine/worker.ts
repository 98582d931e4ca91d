/// <reference lib="webworker" />
import createEngine from 'panicroom-engine';
import { blobFile, PanicroomError, Session } from '../../../wasm/browser.mjs';
import type { AskMessage, Failure, FromWorker, Opened, Progress, ToWorker } from './protocol';

const worker = self as unknown as DedicatedWorkerGlobalScope;
const say = (message: FromWorker, transfer: Transferable[] = []) => worker.postMessage(message, transfer);

let engine: Promise<unknown> | undefined;
let session: Session | undefined;

const progressInterval = 50;
let lastProgress = 0;
function onProgress(progress: Progress) {
  const now = performance.now();
  if (now - lastProgress < progressInterval) return;
  lastProgress = now;
  say({ progress });
}

function opened(): Session {
  if (!session) throw new PanicroomError({ code: 'invalid', text: 'no dump is open' });
  return session;
}

async function answer(message: AskMessage): Promise<{ answer: unknown; transfer?: Transferable[] }> {
  switch (message.name) {
    case 'open': {
      session?.close();
      session = undefined;
      const files = message.ask.files.map((file) => blobFile(file));
      session = new Session((await engine) as never, files, { onProgress });
      const answer: Opened = {
        notes: session.notes,
        kernelError: session.kernelError,
        tables: session.tables(),
      };
      return { answer };
    }
    case 'query':
      return { answer: opened().query(message.ask.table, message.ask.options) };
    case 'write': {
      const bytes = opened().write(message.ask.table, message.ask.options, message.ask.form);
      return { answer: bytes, transfer: [bytes.buffer] };
    }
    case 'find':
      return { answer: opened().find(message.ask.table, message.ask.options, message.ask.column, message.ask.text) };
    case 'sql':
      // Its rows come by `query`, as they are looked at.
      return { answer: opened().sql(message.ask.text, { limit: 0 }) };
    case 'read': {
      const memory = opened().read(message.ask.address, message.ask.length, message.ask.space);
      return { answer: memory, transfer: [memory.bytes.buffer as ArrayBuffer] };
    }
    case 'translate':
      return { answer: opened().translate(message.ask.address, message.ask.space) };
    case 'resolve':
      return { answer: opened().resolve(message.ask.text) };
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof PanicroomError) {
    const { code, absence, message, sentence, address, offset, place } = error;
    return { code, absence, text: message, sentence, address, offset, place };
  }
  const text = `the engine stopped: ${error instanceof Error ? error.message : String(error)}`;
  return { code: 'unsupported', absence: null, text, sentence: '', address: null, offset: null };
}

worker.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if ('start' in data) {
    // It has its bytes already; a blob's address could not be resolved against.
    engine = createEngine({ wasmBinary: data.start, locateFile: (name) => name });
    return;
  }
  try {
    const { answer: value, transfer } = await answer(data);
    say({ id: data.id, answer: value }, transfer);
  } catch (error) {
    say({ id: data.id, failure: failureOf(error) });
  }
};
