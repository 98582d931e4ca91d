import { type ReactNode, useEffect, useMemo, useState } from 'react';
import type { Cell, TableInfo } from '../engine/protocol';
import { cellText, counted, record, title } from '../format';
import { DataTable, type RenderCell, type Reveal } from '../parts/data-table';
import { FailureBox } from '../parts/failure';
import { fragmentOf, navigate, useRoute } from '../route';
import { useAnswer, useTable } from '../session';
import { Stack } from './stack';

type Facts = Record<string, Cell>;

const render: RenderCell = (cell, column) => {
  if (column.name === 'state' && cell !== null) return <span className={`state state-${cell}`}>{String(cell)}</span>;
  if (column.name === 'crashed') return cell === true ? <span className="crashed">crashed</span> : '';
  return undefined;
};

const textOf = (cell: Cell | undefined) => (typeof cell === 'string' ? cell : null);
const numberOf = (cell: Cell | undefined) => (typeof cell === 'number' ? cell : null);

/** The row that is picked; at first the one that the address names, which is also scrolled to. */
function usePicked(table: TableInfo | undefined) {
  const { pid, tid } = useRoute();
  const [picked, setPicked] = useState<Facts | null>(null);
  const ids = { ...(pid === undefined ? {} : { pid }), ...(tid === undefined ? {} : { tid }) };
  const isNamed = table !== undefined && (pid !== undefined || tid !== undefined);
  const named = useAnswer('query', isNamed ? { table: table.name, options: { ...ids, limit: 1 } } : null);
  const row = named.value?.rows[0];
  const facts = useMemo(() => (table && row ? record(table.columns, row) : null), [table, row]);
  useEffect(() => {
    if (facts) setPicked(facts);
  }, [facts]);
  const reveal: Reveal | null = facts ? { column: 'address', text: String(facts['address']) } : null;
  return { picked, setPicked, reveal };
}

/** A table beside what is known of the row that is picked in it. */
function PickedTable({ name, one, placeholder, rowClass, details }: {
  name: string;
  /** What a row is, for one without a name. */
  one: string;
  placeholder: string;
  rowClass?: (facts: Facts) => string | undefined;
  details: (table: TableInfo, picked: Facts) => ReactNode;
}) {
  const table = useTable(name);
  const { picked, setPicked, reveal } = usePicked(table);
  if (!table) return null;
  return (
    <div className="split">
      <DataTable
        table={table}
        render={render}
        placeholder={placeholder}
        reveal={reveal}
        rowClass={rowClass && ((row) => rowClass(record(table.columns, row)))}
        onSelect={(row) => setPicked(record(table.columns, row))}
        isSelected={(row) => picked !== null && record(table.columns, row)['address'] === picked['address']}
      />
      <Details title={picked ? `${picked['name'] ?? one}` : null} onClose={() => setPicked(null)}>
        {picked && details(table, picked)}
      </Details>
    </div>
  );
}

/** Every process; the picked one with its threads and their stacks. */
export const Processes = () => (
  <PickedTable
    name="processes"
    one="process"
    placeholder="Filter by pid, name, state…"
    details={(table, picked) => {
      const pid = numberOf(picked['pid']);
      return (
        <>
          <ProcessFacts key={String(picked['address'])} table={table} picked={picked} />
          {pid !== null && (
            <>
              <a href={fragmentOf({ view: 'memory', pid })}>its address space</a>
              <ProcessThreads key={String(picked['address'])} pid={pid} />
            </>
          )}
        </>
      );
    }}
  />
);

/** Every thread; the picked one with its stack. */
export const Threads = () => (
  <PickedTable
    name="threads"
    one="thread"
    placeholder="Filter by tid, name, state…"
    rowClass={(facts) => (facts['crashed'] === true ? 'crashed-row' : undefined)}
    details={(table, picked) => (
      <>
        <FactTable table={table} facts={picked} />
        <h3>Kernel stack</h3>
        <Stack of={{ pid: numberOf(picked['pid']), tid: numberOf(picked['tid']), name: textOf(picked['name']) }} />
      </>
    )}
  />
);

/** What the grid shows of a process, and what is only read for the picked one. */
function ProcessFacts({ table, picked }: { table: TableInfo; picked: Facts }) {
  const pid = numberOf(picked['pid']);
  // Several idle tasks share pid 0.
  const answer = useAnswer('query', pid ? { table: table.name, options: { pid, limit: 1 } } : null);
  const row = answer.value?.rows[0];
  return <FactTable table={table} facts={row ? record(table.columns, row) : picked} />;
}

/** A process's threads, each to be opened; the crashed one or the only one is open. */
function ProcessThreads({ pid }: { pid: number }) {
  const table = useTable('threads');
  const answer = useAnswer('query', table ? { table: 'threads', options: { pid, limit: 1000 } } : null);
  if (!table) return null;
  if (answer.failure) return <FailureBox failure={answer.failure} />;
  if (!answer.value) return <p className="dim">reading…</p>;
  const threads = answer.value.rows.map((row) => record(table.columns, row));
  return (
    <section aria-label="Threads">
      <h3>{counted(answer.value.total, 'thread', 'threads')}</h3>
      {threads.map((thread) => (
        <ThreadItem key={String(thread['address'])} thread={thread} open={threads.length === 1 || thread['crashed'] === true} />
      ))}
    </section>
  );
}

function ThreadItem({ thread, open }: { thread: Facts; open: boolean }) {
  const [shown, setShown] = useState(open);
  return (
    <details className="thread" open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        <span className="mono">{String(thread['tid'] ?? '–')}</span> {String(thread['name'] ?? '')}{' '}
        {thread['state'] !== null && <span className={`state state-${thread['state']}`}>{String(thread['state'])}</span>}
        {thread['cpu'] !== null && <span className="dim"> cpu {String(thread['cpu'])}</span>}
        {thread['crashed'] === true && <span className="crashed">crashed</span>}
      </summary>
      {shown && <Stack of={{ pid: numberOf(thread['pid']), tid: numberOf(thread['tid']), name: textOf(thread['name']) }} />}
    </details>
  );
}

function FactTable({ table, facts }: { table: TableInfo; facts: Facts }) {
  return (
    <dl className="facts narrow">
      {table.columns
        .filter((column) => column.name !== 'name' && facts[column.name] !== null)
        .map((column) => (
          <div key={column.name} title={column.doc}>
            <dt>{title(column.name)}</dt>
            <dd>
              {column.type === 'address' ? (
                <button
                  type="button"
                  className="address"
                  onClick={() => navigate({ view: 'memory', at: String(facts[column.name]) })}
                >
                  {String(facts[column.name])}
                </button>
              ) : (
                cellText(facts[column.name] ?? null, column)
              )}
            </dd>
          </div>
        ))}
    </dl>
  );
}

/** What is beside a list: the picked row's details. */
function Details({ title: heading, onClose, children }: { title: string | null; onClose(): void; children: ReactNode }) {
  if (heading === null) return null;
  return (
    <aside className="details" aria-label="Details" onKeyDown={(event) => event.key === 'Escape' && onClose()}>
      <h2>
        {heading}
        <button type="button" className="close" aria-label="Close details" onClick={onClose}>
          ×
        </button>
      </h2>
      {children}
    </aside>
  );
}
