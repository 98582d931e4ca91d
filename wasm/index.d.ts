/**
 * Panicroom's engine for Node and for a browser's worker. Every call on a session is synchronous.
 * Addresses are strings, "0x" and lower-case hexadecimal: a JavaScript number cannot hold them.
 */

export type ErrorCode =
  | 'not_in_dump'
  | 'corrupt'
  | 'unmapped'
  | 'unsupported'
  | 'no_symbol'
  | 'no_type'
  | 'io'
  | 'invalid';

/** Why bytes are not in the dump. */
export type Absence = 'excluded' | 'hole' | 'truncated' | 'other_part';

export interface Failure {
  code: ErrorCode;
  absence: Absence | null;
  /** A sentence without a full stop. */
  text: string;
  /** What the code means, in one sentence. */
  sentence: string;
  address: string | null;
  /** In the file, bytes. */
  offset: number | string | null;
  /** Of `sql`: where in its text it went wrong, if that is known. */
  place?: number | null;
}

export class PanicroomError extends Error implements Omit<Failure, 'text'> {
  constructor(failure: Pick<Failure, 'code' | 'text'> & Partial<Failure>);
  code: ErrorCode;
  absence: Absence | null;
  sentence: string;
  address: string | null;
  offset: number | string | null;
  place: number | null;
}

/** A remark that accompanies an answer: part of it is unknown, partial or was read another way. */
export interface Note {
  code: ErrorCode;
  text: string;
  at: string | null;
}

export type ColumnType = 'boolean' | 'integer' | 'real' | 'address' | 'text';

export interface Column {
  name: string;
  type: ColumnType;
  /** One sentence: meaning, unit, when it is null. */
  doc: string;
  /** Not among the columns that the command line prints unasked: it may take reads of its own. */
  extra?: boolean;
}

export interface TableInfo {
  name: string;
  doc: string;
  columns: Column[];
}

/**
 * null is "unknown" or "does not apply". An address is a string; an integer that a number cannot hold
 * is a string of digits; a text has its control characters escaped and may be shown as it is.
 */
export type Cell = null | boolean | number | string;

export interface SortKey {
  column: string;
  descending?: boolean;
}

export interface QueryOptions {
  pid?: number | null;
  tid?: number | null;
  /** symbols: exactly this name. */
  name?: string | null;
  /** threads, frames: the thread that the kernel died on. */
  crashed?: boolean;
  /** False: extra columns stay null, which saves what they would cost. */
  extra?: boolean;
  /** Words that must all appear in a row, letter case aside. */
  filter?: string;
  /** The same for single columns. */
  columns?: Record<string, string>;
  sort?: SortKey[];
  /** The first row of the window. */
  offset?: number;
  /** Rows of the window; at most 100,000. */
  limit?: number;
}

/** A window of a table: `matched` of its `total` rows satisfy the filter. */
export interface TableWindow {
  table: string;
  total: number;
  matched: number;
  offset: number;
  rows: Cell[][];
  notes: Note[];
}

export interface SqlOptions {
  /** Rows of the answer that come with it; at most 100,000, which is the default. */
  limit?: number;
  /** Called now and then while the statement runs; false stops it. */
  goOn?: () => boolean;
}

/** What a statement answered: a table whose first rows these are. */
export interface SqlAnswer extends TableWindow {
  columns: Column[];
}

/** Which memory: the kernel's address space unless a process or physical memory is named. */
export interface Space {
  pid?: number | null;
  physical?: boolean;
}

export type MemoryPart =
  | { address: string; length: number; offset: number; error?: undefined }
  | { address: string; length: number; error: Failure; offset?: undefined };

export interface Memory {
  address: string;
  length: number;
  /** In order and without gaps; a part with an error is a hole. */
  parts: MemoryPart[];
  /** A part's bytes begin at its `offset`; those of a hole mean nothing. */
  bytes: Uint8Array;
}

export interface TranslationStep {
  table: string;
  index: number | string;
  /** Physical address of the entry. */
  entry_address: string | null;
  /** File offset of an entry that lies outside memory. */
  entry_offset: number | string | null;
  entry: string;
  meaning: string;
}

export interface Translated {
  address: string;
  steps: TranslationStep[];
  translation: {
    physical: string;
    page_size: number | string;
    writable: boolean;
    executable: boolean;
    user: boolean;
  } | null;
  /** Where the physical page is in the dump. */
  location: {
    present: boolean;
    /** The page is cut by the file's end, but this byte of it is there. */
    before_cut: boolean;
    absence: Absence | null;
    codec: string;
    stored_size: number;
    part: number;
    file_offset: number | string;
    record_offset: number | string;
    record: string;
  } | null;
  error: Failure | null;
}

export interface CoveringSymbol {
  name: string;
  address: string;
  /** Of the address asked for, from the symbol's. */
  offset: number | string;
  size: number | string | null;
  type: string;
}

/** A file that is read by slices. */
export interface SliceFile {
  name: string;
  /** Bytes. */
  size: number;
  /** Exactly `length` bytes, or an exception that says why not. */
  read(offset: number, length: number): Uint8Array;
}

export interface Progress {
  file: string;
  /** Bytes read of this file up to now; bytes that are read twice count twice. */
  bytesRead: number;
  size: number;
  /** Of the slice that was just read. */
  offset: number;
}

export interface OpenOptions {
  /** Called for each slice that is read; false stops. */
  onProgress?: (progress: Progress) => boolean | void;
}

export class Session {
  constructor(engine: Engine, files: SliceFile[], options?: OpenOptions);
  /** Remarks on opening. */
  readonly notes: Note[];
  /** Why the kernel was not understood; the dump can still be read. */
  readonly kernelError: Failure | null;
  tables(): TableInfo[];
  query(table: string, options?: QueryOptions): TableWindow;
  /**
   * The bytes that `panicroom table NAME --json` or `--csv` prints, of the rows that `query` would answer;
   * all of them without a limit.
   */
  write(table: string, options?: QueryOptions, form?: 'json' | 'csv'): Uint8Array<ArrayBuffer>;
  /**
   * Runs SQL over the tables. The answer of the last statement that has one is kept until the next call:
   * `query`, `write` and `find` know it by its `table`.
   */
  sql(text: string, options?: SqlOptions): SqlAnswer;
  /** Place of the first row, in the order of `options`, whose cell of `column` shows `text`. */
  find(table: string, options: QueryOptions, column: string, text: string): number | null;
  /** `address` is a number as text, a symbol or symbol+offset; at most 1 MiB. */
  read(address: string, length: number, space?: Space): Memory;
  translate(address: string, space?: Space): Translated;
  resolve(text: string): { address: string; symbol: CoveringSymbol | null };
  symbolAt(address: string): CoveringSymbol | null;
  /** Frees the engine's memory; the session cannot be used afterwards. */
  close(): void;
}

/** An instance of the WebAssembly module. */
export interface Engine {
  BrowserSession: unknown;
  runCommandLine(args: string[], host: unknown): number;
}

/** Node: opens the files at these paths, in any order. */
export function open(paths: string[], options?: OpenOptions): Promise<Session>;
/** Node: the module, instantiated once. */
export function loadEngine(): Promise<Engine>;
/** Node: a file of this machine. */
export function openFile(path: string): SliceFile & { close(): void };
/** A browser's worker: a File or Blob. */
export function blobFile(blob: Blob, name?: string): SliceFile;
