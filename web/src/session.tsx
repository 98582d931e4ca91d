import { createContext, useContext, useEffect, useRef, useState } from 'react';
import { Cancelled, EngineError, type Engine } from './engine/client';
import type { Failure, Opened, QuestionName, Questions, TableInfo } from './engine/protocol';

/** An open dump, for the views. */
export interface DumpSession {
  engine: Engine;
  opened: Opened;
  files: { name: string; size: number }[];
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
  const [state, setState] = useState<Answer<Questions[Name]['answer']>>({ loading: ask !== null });
  const asked = useRef(ask);
  asked.current = ask;
  const key = JSON.stringify(ask);
  useEffect(() => {
    if (asked.current === null) {
      setState({ loading: false });
      return;
    }
    let current = true;
    setState((before) => ({ ...before, loading: true }));
    engine.ask(name, asked.current).then(
      (value) => current && setState({ value, loading: false }),
      (error) => current && !(error instanceof Cancelled) && setState({ failure: failureOf(error), loading: false }),
    );
    return () => {
      current = false;
    };
  }, [engine, name, key]);
  return state;
}
