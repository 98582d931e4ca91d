import type { Cell, TableInfo } from '../engine/protocol';
import { bytes, cellText, duration, title } from '../format';
import { FailureBox, Notes } from '../parts/failure';
import { Heading } from '../parts/heading';
import { navigate } from '../route';
import { useFacts, useSession, useTable } from '../session';
import { LogLines } from './log';
import { Stack } from './stack';

type Facts = Record<string, Cell>;

/** What died, where, and the stack that it died on. */
export function Summary() {
  const { opened } = useSession();
  const table = useTable('dump');
  const { facts, notes, failure, loading } = useFacts();
  if (failure) return <FailureBox failure={failure} />;
  if (loading || !table) return <p className="dim pad">reading…</p>;
  const text = (name: string) => (facts[name] == null ? null : String(facts[name]));
  return (
    <div className="summary">
      <section className="verdict" aria-label="What died">
        <p className="eyebrow">
          {[text('system'), text('release'), text('architecture')].filter(Boolean).join('  ·  ') || text('format')}
        </p>
        <Heading>{text('panic') ?? (opened.kernelError ? 'The kernel was not understood' : 'No panic text is known')}</Heading>
        <p className="where">{where(facts)}</p>
      </section>
      {opened.kernelError && <FailureBox failure={opened.kernelError} heading="The kernel was not understood" />}
      {!opened.kernelError && (
        <section className="panel" aria-labelledby="crashed-stack">
          <h2 id="crashed-stack">Stack of the crashed thread</h2>
          <Stack of={{ crashed: true }} />
        </section>
      )}
      <section className="panel" aria-labelledby="this-dump">
        <h2 id="this-dump">This dump</h2>
        <FactList table={table} facts={facts} />
        <Coverage facts={facts} />
      </section>
      {!opened.kernelError && (
        <section className="panel" aria-labelledby="last-words">
          <h2 id="last-words">
            Last words
            <button type="button" className="link" onClick={() => navigate({ view: 'log' })}>
              whole log
            </button>
          </h2>
          <LogLines count={24} words={text('panic')} />
        </section>
      )}
      <Notes notes={notes} />
    </div>
  );
}

function where(facts: Facts) {
  const name = facts['crashed_name'];
  const parts = [];
  if (name != null) parts.push(<b key="name">{String(name)}</b>);
  if (facts['crashed_pid'] != null) parts.push(<span key="pid">pid {String(facts['crashed_pid'])}</span>);
  if (facts['crashed_tid'] != null && facts['crashed_tid'] !== facts['crashed_pid'])
    parts.push(<span key="tid">tid {String(facts['crashed_tid'])}</span>);
  if (facts['crashed_cpu'] != null) parts.push(<span key="cpu">cpu {String(facts['crashed_cpu'])}</span>);
  if (parts.length === 0) return 'It is not known on which thread the kernel died.';
  const when = facts['time'] == null ? null : String(facts['time']).replace('T', ' ').replace('Z', ' UTC');
  const up = typeof facts['uptime'] === 'number' ? `after ${duration(facts['uptime'])}` : null;
  return (
    <>
      Died on {parts.flatMap((part, index) => (index ? [', ', part] : [part]))}
      {(when || up) && <span className="dim"> — {[when, up].filter(Boolean).join(', ')}</span>}
    </>
  );
}

const saidAlready = ['panic', 'crashed_cpu', 'crashed_pid', 'crashed_tid', 'crashed_name'];
const inTheBar = ['memory_present', 'memory_excluded', 'memory_missing'];

function FactList({ table, facts }: { table: TableInfo; facts: Facts }) {
  return (
    <dl className="facts">
      {table.columns
        .filter((column) => ![...saidAlready, ...inTheBar].includes(column.name) && facts[column.name] != null)
        .map((column) => (
          <div key={column.name} title={column.doc}>
            <dt>{title(column.name)}</dt>
            <dd>{factText(column.name, facts[column.name]!, column)}</dd>
          </div>
        ))}
    </dl>
  );
}

function factText(name: string, value: Cell, column: TableInfo['columns'][number]): string {
  if (name === 'uptime' && typeof value === 'number') return duration(value);
  if (name === 'page_size' && value !== null) return bytes(Number(value));
  return cellText(value, column);
}

/** How much of physical memory the dump holds. */
function Coverage({ facts }: { facts: Facts }) {
  const sizes = [
    { name: 'present', size: Number(facts['memory_present'] ?? 0) },
    { name: 'excluded', size: Number(facts['memory_excluded'] ?? 0) },
    { name: 'missing', size: Number(facts['memory_missing'] ?? 0) },
  ];
  const total = sizes.reduce((sum, part) => sum + part.size, 0);
  if (total === 0) return null;
  return (
    <div className="coverage">
      <div className="coverage-bar" aria-hidden="true">
        {sizes.map((part) => (
          <span key={part.name} className={`part-${part.name}`} style={{ flexGrow: part.size / total }} />
        ))}
      </div>
      <ul>
        {sizes.map((part) => (
          <li key={part.name}>
            <span className={`swatch part-${part.name}`} aria-hidden="true" /> {bytes(part.size)} {part.name}
          </li>
        ))}
        <li>
          <button type="button" className="link" onClick={() => navigate({ view: 'ranges' })}>
            ranges
          </button>
        </li>
      </ul>
    </div>
  );
}
