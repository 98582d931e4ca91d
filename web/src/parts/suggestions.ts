import { useDeferredValue } from 'react';
import type { Cell, TableInfo, TableWindow } from '../engine/protocol';
import { parseNumber, record } from '../format';
import type { Route } from '../route';
import { useAnswer, useTable } from '../session';
import type { ViewName } from '../views/views';

export interface Suggestion {
  key: string;
  label: string;
  detail: string;
  route: Route;
}
export interface SuggestionGroup {
  heading: string;
  items: Suggestion[];
}

type Row = Record<string, Cell>;
/** What is known of what was typed. */
export interface Found {
  typed: string;
  views: ViewName[];
  processes: Row[];
  threads: Row[];
  symbols: Row[];
  /** What the engine makes of it as a symbol or symbol+offset. */
  resolved: string | null;
}

const most = 6;
const number = (row: Row, name: string) => (typeof row[name] === 'number' ? { [name]: row[name] } : {});

function processOf(row: Row): Suggestion {
  const detail = `process, pid ${row['pid'] ?? '–'}`;
  return { key: `process ${row['address']}`, label: String(row['name']), detail, route: { view: 'processes', ...number(row, 'pid') } };
}
function threadOf(row: Row): Suggestion {
  const detail = `${row['crashed'] === true ? 'crashed thread' : 'thread'}, tid ${row['tid'] ?? '–'} of pid ${row['pid'] ?? '–'}`;
  const route = { view: 'threads', ...number(row, 'pid'), ...number(row, 'tid') };
  return { key: `thread ${row['address']}`, label: String(row['name']), detail, route };
}

/** Names that begin with what was typed before those that hold it, short before long. */
function nearest(rows: Row[], typed: string): Row[] {
  const wanted = typed.toLowerCase();
  const distance = ({ name }: Row) => String(name).length + (String(name).toLowerCase().startsWith(wanted) ? 0 : 1000);
  return [...rows].sort((a, b) => distance(a) - distance(b));
}

/** The likeliest first: an id or name exactly as typed, a view, memory, then what is merely like it. */
export function suggestions({ typed, views, processes, threads, symbols, resolved }: Found): SuggestionGroup[] {
  const wanted = typed.toLowerCase();
  const address = parseNumber(typed);
  const is = (row: Row, id: string) => String(row['name']).toLowerCase() === wanted || String(row[id]) === typed;
  const exactProcesses = processes.filter((row) => is(row, 'pid'));
  // A process's only or first thread has its name and, on Linux, its id: the process stands for it.
  const processNames = new Set(processes.map((row) => `${row['pid']} ${row['name']}`));
  const others = threads.filter((row) => row['crashed'] === true || !processNames.has(`${row['pid']} ${row['name']}`));
  const exactThreads = others.filter((row) => is(row, 'tid'));
  const isExact = exactProcesses.length + exactThreads.length > 0;
  const tasks = (some: Row[], more: Row[]) => [
    ...nearest(some, typed).slice(0, most).map(processOf),
    ...nearest(more, typed).slice(0, most).map(threadOf),
  ];

  const memory: Suggestion[] = [];
  if (address !== undefined) memory.push({ key: 'memory', label: `Memory at ${typed}`, detail: '', route: { view: 'memory', at: typed } });
  else if (resolved !== null) memory.push({ key: 'memory', label: typed, detail: resolved, route: { view: 'memory', at: typed } });

  const groups = [
    { heading: 'Processes and threads', items: typed ? tasks(exactProcesses, exactThreads) : [] },
    {
      heading: 'Views',
      items: views
        .filter((view) => view.title.toLowerCase().includes(wanted))
        .map(({ view, title }) => ({ key: `view ${view}`, label: title, detail: '', route: { view } })),
    },
    { heading: 'Memory', items: memory },
    {
      heading: isExact ? 'More processes and threads' : 'Processes and threads',
      items: tasks(processes.filter((row) => !exactProcesses.includes(row)), others.filter((row) => !exactThreads.includes(row))),
    },
    {
      heading: 'Symbols',
      items: nearest(symbols.filter((row) => resolved === null || row['name'] !== typed), typed)
        .slice(0, most)
        .map((row) => ({
          key: `symbol ${row['name']} ${row['address']}`,
          label: String(row['name']),
          detail: String(row['address']),
          route: { view: 'memory', at: String(row['address']) },
        })),
    },
  ];
  return groups.filter((group) => group.items.length > 0);
}

const rowsOf = (table: TableInfo | undefined, window: TableWindow | undefined): Row[] =>
  table && window ? window.rows.map((row) => record(table.columns, row)) : [];

/** Asks the engine what `text` may mean; `loading` until it has answered for all of it. */
export function useSuggestions(text: string, views: ViewName[]) {
  const now = text.trim();
  const typed = useDeferredValue(now);
  const processes = useTable('processes');
  const threads = useTable('threads');
  const symbols = useTable('symbols');
  const id = /^[0-9]{1,10}$/.test(typed) ? Number(typed) : null;
  const named = { columns: { name: typed }, limit: 200 };
  const wide = typed.length >= 2 && !/\s/.test(typed) && id === null;

  const asked = [
    useAnswer('query', processes && typed ? { table: 'processes', options: id === null ? named : { pid: id, limit: most } } : null),
    useAnswer('query', threads && typed ? { table: 'threads', options: id === null ? named : { tid: id, limit: most } } : null),
    useAnswer('query', symbols && wide ? { table: 'symbols', options: { ...named, limit: 1000 } } : null),
  ] as const;
  const resolved = useAnswer('resolve', wide ? { text: typed } : null);
  const loading = now !== typed || resolved.loading || asked.some((answer) => answer.loading);
  const groups = suggestions({
    typed,
    views,
    processes: rowsOf(processes, asked[0].value),
    threads: rowsOf(threads, asked[1].value),
    symbols: rowsOf(symbols, asked[2].value),
    resolved: resolved.value?.address ?? null,
  });
  return { groups, loading };
}
