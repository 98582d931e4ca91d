import type { Cell, TableInfo } from '../engine/protocol';
import { record } from '../format';
import { DataTable, marked, type RenderCell } from '../parts/data-table';
import { FailureBox } from '../parts/failure';
import { useAnswer, useTable } from '../session';

const levels = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];

const levelName = (level: Cell) => (typeof level === 'number' ? (levels[level] ?? String(level)) : null);
const timeText = (time: Cell) => (typeof time === 'number' ? time.toFixed(6) : null);

const render: RenderCell = (cell, column, _row, words) => {
  if (column.name === 'level')
    return <span className={`level level-${cell ?? 'none'}`}>{levelName(cell) ?? <span className="null">–</span>}</span>;
  if (column.name === 'text') return marked(String(cell ?? ''), words);
  return undefined;
};

export function Log() {
  const table = useTable('log');
  if (!table) return null;
  return (
    <DataTable
      table={table}
      wrap
      placeholder="Search the log"
      render={render}
      rowClass={(row) => `line-${record(table.columns, row)['level'] ?? 'none'}`}
    />
  );
}

/** How far back from the log's end the kernel's last words are looked for. */
const reach = 400;

/** `count` lines of the log: those that begin with the kernel's `words` of death, else the last ones. */
export function LogLines({ count, words }: { count: number; words: string | null }) {
  const table = useTable('log');
  const size = useAnswer('query', table ? { table: 'log', options: { limit: 0 } } : null);
  const offset = Math.max(0, (size.value?.total ?? 0) - reach);
  const lines = useAnswer('query', size.value ? { table: 'log', options: { offset, limit: reach } } : null);
  if (!table) return null;
  const failure = size.failure ?? lines.failure;
  if (failure) return <FailureBox failure={failure} />;
  if (!lines.value) return <p className="dim">reading…</p>;
  if (lines.value.total === 0) return <p className="dim">The log is empty.</p>;
  return (
    <ol className="log-lines" aria-label="The last lines of the log">
      {lastWords(lines.value.rows, table, count, words).map((row, index) => {
        const line = record(table.columns, row);
        return (
          <li key={index} className={`line-${line['level'] ?? 'none'}`}>
            {timeText(line['time'] ?? null) && <span className="dim log-time">{timeText(line['time'] ?? null)}</span>}
            <span className="log-text">{String(line['text'] ?? '')}</span>
          </li>
        );
      })}
    </ol>
  );
}

export function lastWords(rows: Cell[][], table: TableInfo, count: number, words: string | null): Cell[][] {
  const text = table.columns.findIndex((column) => column.name === 'text');
  const said = words ? rows.map((row) => String(row[text] ?? '')).lastIndexOf(words) : -1;
  return said < 0 ? rows.slice(-count) : rows.slice(said, said + count);
}
