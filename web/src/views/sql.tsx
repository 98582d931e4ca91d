import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { Failure, SqlAnswer, TableInfo } from '../engine/protocol';
import { DataTable } from '../parts/data-table';
import { FailureBox } from '../parts/failure';
import { SqlSchema } from '../parts/sql-schema';
import { navigate, useRoute } from '../route';
import { useAnswer, useSession } from '../session';

const examples = [
  { title: 'Threads by state', text: 'select state, count(*) as threads\nfrom threads\ngroup by state\norder by threads desc' },
  {
    title: 'Where threads wait',
    text: 'select symbol, count(*) as threads, group_concat(distinct name) as names\nfrom frames\nwhere frame = 0 and not inlined\ngroup by symbol\norder by threads desc',
  },
  {
    title: 'The deepest stacks',
    text: 'select t.pid, t.tid, t.name, t.state, max(f.frame) + 1 as frames\nfrom threads t join frames f using (pid, tid)\ngroup by t.address\norder by frames desc\nlimit 20',
  },
  {
    title: 'Parents and children',
    text: "select parent.pid, parent.name, count(*) as children, group_concat(child.name, ', ') as names\nfrom processes child join processes parent on parent.pid = child.ppid\ngroup by parent.pid\norder by children desc",
  },
  { title: 'What an address is', text: "select symbol(address('panic') + 0x10) as symbol, hex(address('panic') + 0x10) as address" },
];

/** What was typed last, also while the dump is opened again. */
let draft = '';

/** Questions in SQL over the tables of the dump. */
export function Sql() {
  const { engine, opened, reopen } = useSession();
  const { at } = useRoute();
  const [text, setText] = useState(at ?? (draft || examples[0]!.text));
  const [asked, setAsked] = useState<string | null>(null);
  const editor = useRef<HTMLTextAreaElement>(null);
  const { value, failure, loading } = useAnswer('sql', asked === null ? null : { text: asked });
  draft = text;

  // A statement that was there before the view is shown is not run unasked: it may be the one that was stopped.
  const known = useRef(at);
  useEffect(() => {
    if (at === undefined || at === known.current) return;
    known.current = at;
    setText(at);
    setAsked(at);
  }, [at]);

  function run(statement: string) {
    if (statement.trim() === '') return;
    known.current = statement;
    setText(statement);
    setAsked(statement);
    navigate({ view: 'sql', at: statement });
  }
  function stop() {
    engine.cancel();
    reopen();
  }
  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run(text);
  }
  function insert(word: string) {
    const field = editor.current;
    if (!field) return;
    field.focus();
    field.setRangeText(word, field.selectionStart, field.selectionEnd, 'end');
    setText(field.value);
  }

  return (
    <div className="sql">
      <div className="sql-main">
        <div className="sql-ask">
          <textarea
            ref={editor}
            aria-label="SQL"
            className="mono"
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            rows={5}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKeyDown}
          />
          <div className="sql-bar">
            <button type="button" className="primary" title="Run (Ctrl Enter)" disabled={loading} onClick={() => run(text)}>
              Run
            </button>
            {loading && (
              <button type="button" onClick={stop}>
                Stop
              </button>
            )}
            <select aria-label="Examples" value="" onChange={(event) => run(examples[Number(event.target.value)]!.text)}>
              <option value="" disabled>
                Examples
              </option>
              {examples.map(({ title }, index) => (
                <option key={title} value={index}>
                  {title}
                </option>
              ))}
            </select>
          </div>
        </div>
        {failure && asked !== null && <SqlFailure failure={failure} text={asked} />}
        {!failure && value && <SqlResult key={value.table} answer={value} />}
        {!failure && !value && <p className="pad dim">{loading ? 'reading…' : 'Ctrl Enter runs the statement.'}</p>}
      </div>
      <SqlSchema tables={opened.tables} onPick={insert} />
    </div>
  );
}

function SqlResult({ answer }: { answer: SqlAnswer }) {
  if (answer.columns.length === 0) return <p className="pad dim">The statement answers no rows.</p>;
  const table: TableInfo = { name: answer.table, doc: '', columns: answer.columns };
  return <DataTable table={table} />;
}

/** The statement's line that is wrong, and a caret under the place. */
function SqlFailure({ failure, text }: { failure: Failure; text: string }) {
  const place = failure.place ?? null;
  const start = place === null ? 0 : text.lastIndexOf('\n', place - 1) + 1;
  const end = text.indexOf('\n', start);
  return (
    <>
      <FailureBox failure={failure} heading="No answer" advised={failure.code !== 'invalid'} />
      {place !== null && (
        <pre className="sql-place" aria-label="The place in the statement">
          {text.slice(start, end < 0 ? undefined : end)}
          {'\n'}
          {text.slice(start, place).replace(/[^\t]/g, ' ')}^
        </pre>
      )}
    </>
  );
}
