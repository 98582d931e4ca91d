import type { Cell, TableInfo } from '../engine/protocol';
import { bytes, cellText, duration, title } from '../format';
import { incompleteness } from '../incomplete';
import { FailureBox, Notes } from '../parts/failure';
import { FilePicker } from '../parts/file-picker';
import { Heading } from '../parts/heading';
import { fragmentOf } from '../route';
import { useFacts, useSession, useTable } from '../session';
import { Analysis } from './analysis';
import { Coverage } from './coverage';
import { DiedOn } from './died-on';
import { LogLines } from './log';
import { Stack } from './stack';

type Facts = Record<string, Cell>;

/** What died, where, and the stack that it died on. */
export function Summary() {
  const { opened } = useSession();
  const table = useTable('dump');
  const hasAnalysis = useTable('analysis') !== undefined;
  const { facts, notes, failure, loading } = useFacts();
  if (failure)
    return (
      <>
        <Heading className="visually-hidden">Summary</Heading>
        <FailureBox failure={failure} />
      </>
    );
  if (loading || !table) return <p className="dim pad">reading…</p>;
  const text = (name: string) => (facts[name] == null ? null : String(facts[name]));
  const { kernelError } = opened;
  const panic = text('panic');
  const lack = incompleteness(facts, notes);
  // Only where the kernel was not understood because of what is missing.
  const lackIsHeadline = lack !== null && kernelError?.code === 'not_in_dump' && panic === null;
  const wantsKernel = panic === null && !kernelError && notes.some((note) => note.code === 'no_symbol' && /kernel file/.test(note.text));
  const isKnown = !kernelError && !wantsKernel;
  return (
    <div className="summary">
      <section className="verdict" aria-label="What died">
        <p className="eyebrow">
          {[text('system'), text('release'), text('architecture')].filter(Boolean).join('  ·  ') || text('format')}
        </p>
        {wantsKernel ? (
          <WantedKernel />
        ) : lackIsHeadline ? (
          <>
            <Heading>{lack.headline}</Heading>
            <p className="where">{lack.amount} {lack.todo}</p>
          </>
        ) : (
          <>
            <Heading>{panic ?? (kernelError ? 'The kernel was not understood' : 'No panic text is known')}</Heading>
            <DiedOn facts={facts} />
          </>
        )}
      </section>
      {lack && !lackIsHeadline && (
        <p className="lack">
          <strong>{lack.headline}.</strong> {lack.amount} {lack.todo}
        </p>
      )}
      {kernelError && (
        <FailureBox
          failure={kernelError}
          heading="Processes, threads, stacks, the log and symbols cannot be shown"
          advised={!lackIsHeadline}
        />
      )}
      {isKnown && hasAnalysis && (
        <section className="panel analysis" aria-labelledby="analysis">
          <h2 id="analysis">
            What it died of
            <a href={fragmentOf({ view: 'analysis' })}>as a table</a>
          </h2>
          <Analysis />
        </section>
      )}
      {isKnown && (
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
      {isKnown && (
        <section className="panel" aria-labelledby="last-words">
          <h2 id="last-words">
            Last words
            <a href={fragmentOf({ view: 'log' })}>whole log</a>
          </h2>
          <LogLines count={24} words={panic} />
        </section>
      )}
      <Notes notes={notes.filter((note) => note !== lack?.note && note.text !== kernelError?.text)} />
    </div>
  );
}

/** Of a BSD’s dump that was opened alone. */
function WantedKernel() {
  const { add } = useSession();
  return (
    <>
      <Heading>How it died is told with its kernel file</Heading>
      <p className="where">
        Drop it on this page, or{' '}
        <FilePicker className="link" onFiles={add}>
          choose it
        </FilePicker>
        : of the machine that died <code>/boot/kernel/kernel</code> (FreeBSD, DragonFly), <code>/netbsd</code> or{' '}
        <code>/bsd</code>. No debug symbols are needed.
      </p>
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
