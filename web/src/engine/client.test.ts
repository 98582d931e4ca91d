import { describe, expect, it } from 'vitest';
import { Cancelled, EngineError, WorkerEngine } from './client';

/** A worker whose messages the test sees and answers. */
class TestWorker {
  sent: { id?: number; name?: string; start?: ArrayBuffer }[] = [];
  ended = false;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  postMessage(message: { id?: number }) {
    this.sent.push(message);
  }
  terminate() {
    this.ended = true;
  }
}

function started() {
  const workers: TestWorker[] = [];
  const engine = new WorkerEngine(async () => {
    const worker = new TestWorker();
    workers.push(worker);
    return { worker: worker as unknown as Worker, wasm: new ArrayBuffer(8) };
  });
  return { engine, workers };
}
const turn = () => new Promise((resolve) => setTimeout(resolve));

describe('WorkerEngine', () => {
  it('starts one worker and gives each question its answer', async () => {
    const { engine, workers } = started();
    const first = engine.ask('resolve', { text: 'a' });
    const second = engine.ask('resolve', { text: 'b' });
    await turn();
    const [worker] = workers;
    expect(workers).toHaveLength(1);
    expect(worker!.sent[0]).toHaveProperty('start');
    const [, one, two] = worker!.sent;
    worker!.onmessage!({ data: { id: two!.id, answer: { address: '0x2', symbol: null } } });
    worker!.onmessage!({ data: { id: one!.id, answer: { address: '0x1', symbol: null } } });
    expect(await first).toEqual({ address: '0x1', symbol: null });
    expect(await second).toEqual({ address: '0x2', symbol: null });
  });

  it('hands the engine’s own error on', async () => {
    const { engine, workers } = started();
    const asked = engine.ask('resolve', { text: 'a' });
    await turn();
    const failure = { code: 'no_symbol', absence: null, text: 'no symbol "a"', sentence: '', address: null, offset: null };
    workers[0]!.onmessage!({ data: { id: workers[0]!.sent[1]!.id, failure } });
    await expect(asked).rejects.toThrow(EngineError);
    await expect(asked).rejects.toMatchObject({ failure });
  });

  it('ends the worker when the user cancels, and starts another for the next question', async () => {
    const { engine, workers } = started();
    const asked = engine.open([]);
    await turn();
    engine.cancel();
    await expect(asked).rejects.toThrow(Cancelled);
    await turn();
    expect(workers[0]!.ended).toBe(true);
    void engine.open([]).catch(() => {});
    await turn();
    expect(workers).toHaveLength(2);
    expect(workers[1]!.ended).toBe(false);
  });

  it('cancels a question whose worker has not started yet', async () => {
    const { engine } = started();
    const asked = engine.open([]);
    engine.cancel();
    await expect(asked).rejects.toThrow(Cancelled);
  });

  it('says so when the worker dies', async () => {
    const { engine, workers } = started();
    const asked = engine.open([]);
    await turn();
    workers[0]!.onerror!({ message: 'out of memory' });
    await expect(asked).rejects.toThrow('the engine stopped: out of memory');
  });
});
