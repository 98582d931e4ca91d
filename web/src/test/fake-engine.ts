import { Cancelled, EngineError, type Engine } from '../engine/client';
import type { Cell, Failure, Note, Opened, Progress, QuestionName, Questions, TableInfo, TableWindow } from '../engine/protocol';

export interface FakeTable extends TableInfo {
  rows: Cell[][];
  notes?: Note[];
}

/** An engine over rows in memory, for the tests of the views. */
export class FakeEngine implements Engine {
  asked: { name: QuestionName; ask: unknown }[] = [];
  /** Why these files cannot be opened. */
  refuses: (files: File[]) => Failure | null = () => null;
  kernelError: Failure | null = null;
  /** Held back until `release` is called. */
  held = false;
  cancels = 0;
  #release: (() => void)[] = [];
  #progress = new Set<(progress: Progress) => void>();

  constructor(readonly tables: FakeTable[], readonly answers: Partial<{ [N in QuestionName]: Questions[N]['answer'] }> = {}) {}

  async open(files: File[]): Promise<Opened> {
    this.asked.push({ name: 'open', ask: { files } });
    const cancels = this.cancels;
    if (this.held) await new Promise<void>((resolve) => this.#release.push(resolve));
    if (cancels !== this.cancels) throw new Cancelled();
    const refusal = this.refuses(files);
    if (refusal) throw new EngineError(refusal);
    const tables = this.tables.map(({ name, doc, columns }) => ({ name, doc, columns }));
    return { notes: [], kernelError: this.kernelError, tables };
  }

  async ask<Name extends QuestionName>(name: Name, ask: Questions[Name]['ask']): Promise<Questions[Name]['answer']> {
    this.asked.push({ name, ask });
    const given = this.answers[name];
    if (given) return given;
    switch (name) {
      case 'query':
        return this.#window(ask as Questions['query']['ask']) as Questions[Name]['answer'];
      case 'find':
        return this.#place(ask as Questions['find']['ask']) as Questions[Name]['answer'];
      case 'write': {
        const { rows } = this.#window(ask as Questions['write']['ask']);
        return new TextEncoder().encode(JSON.stringify(rows)) as Questions[Name]['answer'];
      }
      default:
        throw new EngineError(failure('no_symbol', `nothing is known of ${JSON.stringify(ask)}`));
    }
  }

  #place({ table: name, options, column, text }: Questions['find']['ask']): number | null {
    const index = this.#table(name).columns.findIndex((candidate) => candidate.name === column);
    const place = this.#window({ table: name, options }).rows.findIndex((row) => String(row[index]) === text);
    return place < 0 ? null : place;
  }

  #table = (name: string) => this.tables.find((candidate) => candidate.name === name)!;

  #window({ table: name, options }: Questions['query']['ask']): TableWindow {
    const table = this.#table(name);
    const at = (column: string) => table.columns.findIndex((candidate) => candidate.name === column);
    let rows = table.rows;
    if (options.pid != null) rows = rows.filter((row) => row[at('pid')] === options.pid);
    if (options.tid != null) rows = rows.filter((row) => row[at('tid')] === options.tid);
    if (options.crashed && at('crashed') >= 0) rows = rows.filter((row) => row[at('crashed')] === true);
    const total = rows.length;
    const filter = options.filter?.toLowerCase();
    if (filter) rows = rows.filter((row) => row.some((cell) => String(cell).toLowerCase().includes(filter)));
    for (const [column, text] of Object.entries(options.columns ?? {}))
      rows = rows.filter((row) => String(row[at(column)]).toLowerCase().includes(text.toLowerCase()));
    const key = options.sort?.[0];
    if (key) {
      const index = at(key.column);
      const sign = key.descending ? -1 : 1;
      rows = [...rows].sort((a, b) => (a[index]! < b[index]! ? -sign : a[index]! > b[index]! ? sign : 0));
    }
    const offset = options.offset ?? 0;
    const shown = rows.slice(offset, offset + (options.limit ?? 100_000));
    return { table: name, total, matched: rows.length, offset, rows: shown, notes: table.notes ?? [] };
  }

  cancel() {
    this.cancels++;
  }
  onProgress(listener: (progress: Progress) => void) {
    this.#progress.add(listener);
    return () => void this.#progress.delete(listener);
  }
  onPending() {
    return () => {};
  }
  tellProgress(progress: Progress) {
    for (const listener of this.#progress) listener(progress);
  }
  release() {
    for (const resolve of this.#release) resolve();
  }
}

export const failure = (code: Failure['code'], text: string): Failure => ({
  code,
  absence: null,
  text,
  sentence: '',
  address: null,
  offset: null,
});

const column = (name: string, type: TableInfo['columns'][number]['type']) => ({ name, type, doc: `${name}.` });

/** A small dead machine. */
export function someTables(): FakeTable[] {
  return [
    {
      name: 'dump',
      doc: 'What this dump is.',
      columns: [
        column('format', 'text'),
        column('system', 'text'),
        column('release', 'text'),
        column('panic', 'text'),
        column('crashed_pid', 'integer'),
        column('crashed_tid', 'integer'),
        column('crashed_name', 'text'),
        column('crashed_cpu', 'integer'),
        column('complete', 'boolean'),
        column('memory_present', 'integer'),
        column('memory_excluded', 'integer'),
        column('memory_missing', 'integer'),
      ],
      rows: [['ELF core', 'Linux', '6.1.0-test', 'sysrq triggered crash', 134, 134, 'sh', 1, true, 4096, 12288, 0]],
    },
    {
      name: 'processes',
      doc: 'Every process.',
      columns: [column('pid', 'integer'), column('state', 'text'), column('name', 'text'), column('address', 'address')],
      rows: [
        [1, 'sleeping', 'init', '0xffff888000000001'],
        [134, 'running', 'sh', '0xffff888000000002'],
        [77, 'zombie', '<img src=x>', '0xffff888000000003'],
      ],
    },
    {
      name: 'threads',
      doc: 'Every thread.',
      columns: [
        column('pid', 'integer'),
        column('tid', 'integer'),
        column('name', 'text'),
        column('state', 'text'),
        column('cpu', 'integer'),
        column('crashed', 'boolean'),
        column('address', 'address'),
      ],
      rows: [
        [1, 1, 'init', 'sleeping', null, false, '0xffff888000000001'],
        [134, 134, 'sh', 'running', 1, true, '0xffff888000000002'],
        [134, 140, 'trigger', 'sleeping', null, false, '0xffff888000000004'],
      ],
    },
    {
      name: 'frames',
      doc: 'Stacks.',
      columns: [
        column('pid', 'integer'),
        column('tid', 'integer'),
        column('frame', 'integer'),
        column('pc', 'address'),
        column('symbol', 'text'),
        column('offset', 'integer'),
        column('name', 'text'),
      ],
      rows: [
        [134, 134, 0, '0xffffffff81001000', 'sysrq_handle_crash', 22, 'sh'],
        [134, 134, 1, '0xffffffff81002000', null, null, 'sh'],
      ],
    },
    {
      name: 'log',
      doc: 'Messages.',
      columns: [column('time', 'real'), column('level', 'integer'), column('text', 'text')],
      rows: Array.from({ length: 3000 }, (_, index) => [index / 10, index % 8, `line ${index}`]),
    },
    {
      name: 'mounts',
      doc: 'A table that the page knows nothing of.',
      columns: [column('mount_point', 'text'), column('size', 'integer')],
      rows: [['/proc', 0], ['/sys', 3]],
    },
  ];
}
