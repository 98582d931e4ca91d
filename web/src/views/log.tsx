import type { Cell, TableInfo } from '../engine/protocol';
import { counted, record } from '../format';
import { DataTable, type RenderCell } from '../parts/data-table';
import { FailureBox } from '../parts/failure';
import { marked } from '../parts/marked';
import { useNarrow } from '../parts/use-narrow';
import { fragmentOf, useRoute } from '../route';
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

const everyColumn: string[] = [];
/** On a phone a line's colour says its level. */
const leftOutOnPhones = ['level'];

export function Log() {
  const table = useTable('log');
  const { at } = useRoute();
  const narrow = useNarrow();
  if (!table) return null;
  return (
    <DataTable
      table={table}
      wrap
      hidden={narrow ? leftOutOnPhones : everyColumn}
      placeholder="Search the log"
      render={render}
      rowClass={(row) => `line-${record(table.columns, row)['level'] ?? 'none'}`}
      reveal={at && /^[0-9]+$/.test(at) ? { row: Number(at) } : null}
    />
  );
}

/** How far back from the log's end the kernel's last words are looked for. */
const reach = 400;

/** `count` lines of the log: those that begin with the kernel's `words` of death, else the last ones. */
export function LogLines({ count, words }: { count: number; words: string | null }) {
  const table = useTable('log');
  const size = useAnswer('query', table ? { table: 'log', options: { limit: 0 } } : null);
  const total = size.value?.total ?? 0;
  const offset = Math.max(0, total - reach);
  const lines = useAnswer('query', size.value ? { table: 'log', options: { offset, limit: reach } } : null);
  if (!table) return null;
  const failure = size.failure ?? lines.failure;
  if (failure) return <FailureBox failure={failure} />;
  if (!lines.value) return <p className="dim">reading…</p>;
  if (total === 0) return <p className="dim">The log is empty.</p>;
  const { first, rows } = lastWords(lines.value.rows, table, count, words);
  const next = offset + first + rows.length;
  return (
    <>
      <ol className="log-lines" aria-label="The last lines of the log">
        {rows.map((row, index) => {
          const line = record(table.columns, row);
          return (
            <li key={index} className={`line-${line['level'] ?? 'none'}`}>
              {timeText(line['time'] ?? null) && <span className="dim log-time">{timeText(line['time'] ?? null)}</span>}
              <span className="log-text">{String(line['text'] ?? '')}</span>
            </li>
          );
        })}
      </ol>
      {next < total && (
        <a className="log-more" href={fragmentOf({ view: 'log', at: String(next) })}>
          … {counted(total - next, 'more line', 'more lines')}
        </a>
      )}
    </>
  );
}

/** Which of the rows are shown, and the place of the first among them. */
export function lastWords(rows: Cell[][], table: TableInfo, count: number, words: string | null) {
  const text = table.columns.findIndex((column) => column.name === 'text');
  const said = words ? rows.map((row) => String(row[text] ?? '')).lastIndexOf(words) : -1;
  const first = said < 0 ? Math.max(0, rows.length - count) : said;
  return { first, rows: rows.slice(first, first + count) };
}
