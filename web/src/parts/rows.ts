import { useCallback, useEffect, useRef, useState } from 'react';
import { Cancelled } from '../engine/client';
import type { Cell, Failure, Note, QueryOptions } from '../engine/protocol';
import { failureOf, useSession } from '../session';

export const rowsPerChunk = 256;

interface Loaded {
  key: string;
  chunks: Map<number, Cell[][]>;
  matched: number;
  total: number;
  notes: Note[];
}

export interface Rows {
  /** Undefined until the first answer. */
  matched: number | undefined;
  total: number | undefined;
  notes: Note[];
  failure: Failure | undefined;
  loading: boolean;
  /** The row, or undefined while it is on its way; asks for it. */
  row(index: number): Cell[] | undefined;
}

/** A table's rows, fetched by the chunk as they are looked at. */
export function useRows(table: string, options: QueryOptions): Rows {
  const { engine } = useSession();
  const key = JSON.stringify([table, options]);
  const [shown, setShown] = useState<Loaded | undefined>();
  const [failure, setFailure] = useState<Failure | undefined>();
  const current = useRef<{ key: string; asked: Set<number> }>({ key: '', asked: new Set() });

  const fetchChunk = useCallback(
    (chunk: number) => {
      const { asked } = current.current;
      if (asked.has(chunk)) return;
      asked.add(chunk);
      const window = { ...options, offset: chunk * rowsPerChunk, limit: rowsPerChunk };
      engine.ask('query', { table, options: window }).then(
        (answer) => {
          if (current.current.key !== key) return;
          setFailure(undefined);
          setShown((before) => {
            const chunks = new Map(before?.key === key ? before.chunks : []);
            chunks.set(chunk, answer.rows);
            return { key, chunks, matched: answer.matched, total: answer.total, notes: answer.notes };
          });
        },
        (error) => {
          if (current.current.key === key && !(error instanceof Cancelled)) setFailure(failureOf(error));
        },
      );
    },
    // `key` stands for table and options.
    [engine, key],
  );

  useEffect(() => {
    current.current = { key, asked: new Set() };
    fetchChunk(0);
  }, [key, fetchChunk]);

  const stale = shown?.key !== key;
  return {
    matched: shown?.matched,
    total: shown?.total,
    notes: shown?.notes ?? [],
    failure,
    loading: stale && !failure,
    row(index) {
      const chunk = Math.floor(index / rowsPerChunk);
      const rows = shown?.chunks.get(chunk);
      if (!rows && !stale) queueMicrotask(() => fetchChunk(chunk));
      return rows?.[index % rowsPerChunk];
    },
  };
}
