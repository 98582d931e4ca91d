import { useVirtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { count, counted } from '../format';
import { FailureBox, Notes } from '../parts/failure';
import { Frames } from '../parts/frames';
import { marked, wordsOf } from '../parts/marked';
import { useSave } from '../parts/save';
import { TableBar } from '../parts/table-bar';
import { fragmentOf } from '../route';
import { useAnswer, useTable } from '../session';
import { holdsWords, type ThreadStack, threadStacks } from './thread-stacks';

const everything = {};
/** As many as the engine gives at once. */
const most = { limit: 100_000 };

/** Every thread's kernel stack, that of the crashed thread first. */
export function Stacks() {
  const framesTable = useTable('frames');
  const threadsTable = useTable('threads');
  const frames = useAnswer('query', framesTable ? { table: 'frames', options: most } : null);
  const threads = useAnswer('query', threadsTable ? { table: 'threads', options: most } : null);
  const saving = useSave('frames', everything);
  const [filter, setFilter] = useState('');
  const words = wordsOf(useDeferredValue(filter));
  const scroller = useRef<HTMLDivElement>(null);
  const failure = frames.failure ?? saving.failure;

  const all = useMemo(() => {
    if (!framesTable || !frames.value || threads.loading) return null;
    const known = threadsTable && threads.value;
    return threadStacks(
      { columns: framesTable.columns, rows: frames.value.rows },
      { columns: threadsTable?.columns ?? [], rows: known ? known.rows : [] },
    );
  }, [framesTable, threadsTable, frames.value, threads.value, threads.loading]);
  const shown = useMemo(() => all?.filter((stack) => holdsWords(stack, words)) ?? [], [all, words.join(' ')]);

  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => 38 + 20 * shown[index]!.frames.length,
    overscan: 4,
  });
  const cut = frames.value && frames.value.total > frames.value.rows.length;
  const number =
    all === null ? (failure ? '' : 'unwinding…')
    : shown.length === all.length ? `${counted(all.length, 'thread', 'threads')}${cut ? ' and more' : ''}`
    : `${count(shown.length)} of ${count(all.length)} threads`;

  return (
    <div className="data-table">
      <TableBar
        table="stacks"
        filter={filter}
        onFilter={setFilter}
        placeholder="Filter by function, thread, pid…"
        onLeave={() => scroller.current?.focus()}
        onSave={frames.failure ? null : saving.save}
        status={saving.said || number}
      />
      {failure && <FailureBox failure={failure} />}
      <Notes notes={frames.value?.notes ?? []} />
      {all && (
        <div className="grid-frame">
          <div ref={scroller} className="stacks" role="region" aria-label="Kernel stacks" tabIndex={0}>
            <div className="stacks-body" style={{ height: virtual.getTotalSize() }}>
              {virtual.getVirtualItems().map((item) => (
                <section
                  key={item.key}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className="thread-stack"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <ThreadHead of={shown[item.index]!} words={words} />
                  <Frames frames={shown[item.index]!.frames} words={words} />
                </section>
              ))}
            </div>
            {shown.length === 0 && <p className="empty">{words.length ? 'Nothing matches the filter.' : 'No stacks.'}</p>}
          </div>
        </div>
      )}
    </div>
  );
}

function ThreadHead({ of: { thread }, words }: { of: ThreadStack; words: string[] }) {
  const number = (name: string) => (typeof thread[name] === 'number' ? { [name]: thread[name] } : {});
  return (
    <h2 className={thread['crashed'] === true ? 'crashed' : undefined}>
      <a href={fragmentOf({ view: 'threads', ...number('pid'), ...number('tid') })}>{marked(String(thread['name'] ?? 'thread'), words)}</a>
      <span className="dim">
        pid {marked(String(thread['pid'] ?? '–'), words)} tid {marked(String(thread['tid'] ?? '–'), words)}
        {thread['cpu'] != null && ` cpu ${String(thread['cpu'])}`}
      </span>
      {thread['state'] != null && <span className={`state state-${thread['state']}`}>{String(thread['state'])}</span>}
      {thread['crashed'] === true && <span>crashed</span>}
    </h2>
  );
}
