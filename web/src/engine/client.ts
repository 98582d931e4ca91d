import type { Failure, FromWorker, Opened, Progress, QuestionName, Questions, ToWorker } from './protocol';

/** An answer that could not be given, as the engine says it. */
export class EngineError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.text);
  }
}
/** The user stopped what this answer was for. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled');
  }
}

export interface Engine {
  open(files: File[]): Promise<Opened>;
  ask<Name extends QuestionName>(name: Name, ask: Questions[Name]['ask']): Promise<Questions[Name]['answer']>;
  /** Ends everything that is under way; the session is gone with it. */
  cancel(): void;
  /** Called while files are read. Answers a function that ends it. */
  onProgress(listener: (progress: Progress) => void): () => void;
  /** Called with the number of open questions when it changes. */
  onPending(listener: (pending: number) => void): () => void;
}

export type WorkerFactory = () => Promise<{ worker: Worker; wasm: ArrayBuffer }>;

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

/**
 * The engine in a worker. It is busy while it answers and hears nothing, so that the only way to stop it
 * is to end the worker; the next `open` starts another.
 */
export class WorkerEngine implements Engine {
  #start: WorkerFactory;
  #worker: Promise<Worker> | undefined;
  #generation = 0;
  #nextId = 1;
  #waiting = new Map<number, Waiting>();
  #progressListeners = new Set<(progress: Progress) => void>();
  #pendingListeners = new Set<(pending: number) => void>();

  constructor(start: WorkerFactory) {
    this.#start = start;
  }

  open(files: File[]): Promise<Opened> {
    return this.ask('open', { files });
  }

  async ask<Name extends QuestionName>(name: Name, ask: Questions[Name]['ask']): Promise<Questions[Name]['answer']> {
    const generation = this.#generation;
    const worker = await (this.#worker ??= this.#started());
    if (generation !== this.#generation) throw new Cancelled();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.#tellPending();
      worker.postMessage({ id, name, ask } as ToWorker);
    });
  }

  cancel(): void {
    this.#generation++;
    void this.#worker?.then((worker) => worker.terminate());
    this.#worker = undefined;
    this.#rejectAll(new Cancelled());
  }

  onProgress(listener: (progress: Progress) => void) {
    this.#progressListeners.add(listener);
    return () => void this.#progressListeners.delete(listener);
  }

  onPending(listener: (pending: number) => void) {
    this.#pendingListeners.add(listener);
    return () => void this.#pendingListeners.delete(listener);
  }

  async #started(): Promise<Worker> {
    const generation = this.#generation;
    const { worker, wasm } = await this.#start();
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    worker.onerror = (event) => {
      if (generation !== this.#generation) return;
      this.#generation++;
      worker.terminate();
      this.#worker = undefined;
      const text = `the engine stopped: ${event.message || 'its worker could not be started'}`;
      this.#rejectAll(
        new EngineError({ code: 'unsupported', absence: null, text, sentence: '', address: null, offset: null }),
      );
    };
    worker.postMessage({ start: wasm } satisfies ToWorker, [wasm]);
    return worker;
  }

  #hear(message: FromWorker) {
    if ('progress' in message) {
      for (const listener of this.#progressListeners) listener(message.progress);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    this.#tellPending();
    if ('failure' in message) waiting.reject(new EngineError(message.failure));
    else waiting.resolve(message.answer as never);
  }

  #rejectAll(error: Error) {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#tellPending();
    for (const waiting of all) waiting.reject(error);
  }

  #tellPending() {
    for (const listener of this.#pendingListeners) listener(this.#waiting.size);
  }
}
