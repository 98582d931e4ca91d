import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import { Cancelled, EngineError, type Engine } from './engine/client';
import type { Cell, Failure, Note, Opened, QuestionName, Questions, TableInfo } from './engine/protocol';
import { record } from './format';
import { incompleteness } from './incomplete';
import { type Place, startPage } from './parts/advice';

/** An open dump, for the views. */
export interface DumpSession {
  engine: Engine;
  opened: Opened;
  files: File[];
  /** Opens it again with more files. */
  add(files: File[]): void;
  /** Opens it again as it is: what was under way is stopped. */
  reopen(): void;
}

const SessionContext = createContext<DumpSession | null>(null);
export const SessionProvider = SessionContext.Provider;

export function useSession(): DumpSession {
  const session = useContext(SessionContext);
  if (!session) throw new Error('no session here');
  return session;
}

export function useTable(name: string): TableInfo | undefined {
  return useSession().opened.tables.find((table) => table.name === name);
}

export interface Answer<T> {
  /** The latest answer; while another is awaited, the one before. */
  value?: T;
  failure?: Failure;
  loading: boolean;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof EngineError) return error.failure;
  const text = error instanceof Error ? error.message : String(error);
  return { code: 'unsupported', absence: null, text, sentence: '', address: null, offset: null };
}

/** Asks whenever the question changes; `ask` null asks nothing. */
export function useAnswer<Name extends QuestionName>(
  name: Name,
  ask: Questions[Name]['ask'] | null,
): Answer<Questions[Name]['answer']> {
  const { engine } = useSession();
  const [state, setState] = useState<{ key?: string } & Omit<Answer<Questions[Name]['answer']>, 'loading'>>({});
  const asked = useRef(ask);
  asked.current = ask;
  const key = JSON.stringify(ask);
  useEffect(() => {
    if (asked.current === null) {
      setState({ key });
      return;
    }
    let current = true;
    engine.ask(name, asked.current).then(
      (value) => current && setState({ key, value }),
      (error) => current && !(error instanceof Cancelled) && setState({ key, failure: failureOf(error) }),
    );
    return () => {
      current = false;
    };
  }, [engine, name, key]);
  const { key: answered, ...answer } = state;
  return { ...answer, loading: ask !== null && answered !== key };
}

/** The one row of the table `dump`: what this dump is and how its kernel died. */
export interface DumpFacts {
  facts: Record<string, Cell>;
  notes: Note[];
  failure?: Failure;
  loading: boolean;
}

const FactsContext = createContext<DumpFacts | null>(null);
export function useFacts(): DumpFacts {
  const facts = useContext(FactsContext);
  if (!facts) throw new Error('no facts here');
  return facts;
}

/** Where an error is shown: on the start page or beside an open dump. */
export function usePlace(): Place {
  const known = useContext(FactsContext);
  if (!known) return startPage;
  const { facts, notes } = known;
  return { open: true, system: facts['system'] == null ? null : String(facts['system']), incomplete: incompleteness(facts, notes) !== null };
}

export function FactsProvider({ children }: { children: ReactNode }) {
  const table = useTable('dump');
  const { value, failure, loading } = useAnswer('query', table ? { table: 'dump', options: {} } : null);
  const facts = table && value ? record(table.columns, value.rows[0] ?? []) : {};
  const known: DumpFacts = { facts, notes: value?.notes ?? [], loading, ...(failure ? { failure } : {}) };
  return <FactsContext.Provider value={known}>{children}</FactsContext.Provider>;
}
