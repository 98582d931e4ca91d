import type {
  CoveringSymbol,
  Failure,
  Memory,
  Note,
  Progress,
  QueryOptions,
  Space,
  SqlAnswer,
  TableInfo,
  TableWindow,
  Translated,
} from '../../../wasm/index';

export type {
  Absence,
  Cell,
  Column,
  CoveringSymbol,
  Failure,
  Memory,
  MemoryPart,
  Note,
  Progress,
  QueryOptions,
  SortKey,
  Space,
  SqlAnswer,
  TableInfo,
  TableWindow,
  Translated,
  TranslationStep,
} from '../../../wasm/index';

export interface Opened {
  notes: Note[];
  /** Why the kernel was not understood; the dump can still be read. */
  kernelError: Failure | null;
  tables: TableInfo[];
}

/** A form in which a table is saved. */
export type Form = 'csv' | 'json';

/** What the page asks of the engine; the worker answers one question after the other. */
export interface Questions {
  open: { ask: { files: File[] }; answer: Opened };
  query: { ask: { table: string; options: QueryOptions }; answer: TableWindow };
  write: { ask: { table: string; options: QueryOptions; form: Form }; answer: Uint8Array<ArrayBuffer> };
  find: { ask: { table: string; options: QueryOptions; column: string; text: string }; answer: number | null };
  sql: { ask: { text: string }; answer: SqlAnswer };
  read: { ask: { address: string; length: number; space: Space }; answer: Memory };
  translate: { ask: { address: string; space: Space }; answer: Translated };
  resolve: { ask: { text: string }; answer: { address: string; symbol: CoveringSymbol | null } };
}
export type QuestionName = keyof Questions;

/** The engine's module, sent to a new worker once. */
export interface StartMessage {
  start: ArrayBuffer;
}
export type AskMessage = {
  [Name in QuestionName]: { id: number; name: Name; ask: Questions[Name]['ask'] };
}[QuestionName];
export type ToWorker = StartMessage | AskMessage;

export type FromWorker =
  | { id: number; answer: unknown }
  | { id: number; failure: Failure }
  | { progress: Progress };
