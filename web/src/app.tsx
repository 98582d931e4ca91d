import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Cancelled, type Engine } from './engine/client';
import { sampleFile } from './engine/embedded';
import type { Failure, TableInfo } from './engine/protocol';
import { bytes, title } from './format';
import { Palette } from './parts/palette';
import { Privacy } from './parts/privacy';
import { ThemeButton } from './parts/theme';
import { navigate, useRoute } from './route';
import { type DumpSession, failureOf, SessionProvider } from './session';
import { Log } from './views/log';
import { Memory } from './views/memory';
import { Opening } from './views/opening';
import { Start } from './views/start';
import { Summary } from './views/summary';
import { TableView } from './views/table';
import { Processes, Threads } from './views/tasks';

type Stage =
  | { name: 'start'; failure: Failure | null }
  | { name: 'opening'; files: File[] }
  | { name: 'open'; session: DumpSession; files: File[] };

export function App({ engine }: { engine: Engine }) {
  const [stage, setStage] = useState<Stage>({ name: 'start', failure: null });

  const open = useCallback(
    async (files: File[], keepView = false) => {
      engine.cancel();
      setStage({ name: 'opening', files });
      try {
        const opened = await engine.open(files);
        if (!keepView) navigate({ view: 'summary' });
        setStage({ name: 'open', files, session: { engine, opened, files: files.map(({ name, size }) => ({ name, size })) } });
      } catch (error) {
        if (error instanceof Cancelled) return;
        setStage({ name: 'start', failure: failureOf(error) });
      }
    },
    [engine],
  );

  async function openSample() {
    const file = await sampleFile();
    if (file) await open([file]);
  }
  function close() {
    engine.cancel();
    setStage({ name: 'start', failure: null });
  }

  return (
    <>
      {stage.name === 'open' ? (
        <SessionProvider value={stage.session}>
          <Opened key={stage.session.files.map((file) => file.name).join()} onClose={close} onReopen={() => open(stage.files, true)} session={stage.session} />
        </SessionProvider>
      ) : (
        <div className="page">
          <Header />
          {stage.name === 'opening' ? (
            <Opening engine={engine} files={stage.files} onCancel={close} />
          ) : (
            <Start failure={stage.failure} onFiles={open} onSample={openSample} />
          )}
        </div>
      )}
    </>
  );
}

function Header({ children }: { children?: React.ReactNode }) {
  return (
    <header className="top">
      <span className="brand">
        <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
          <rect x="1.5" y="3" width="13" height="10" rx="1" fill="none" stroke="currentColor" strokeWidth="1.4" />
          <path d="M3.5 8h2.2l1.4-2.6 1.8 5 1.3-2.4h2.3" fill="none" stroke="var(--accent)" strokeWidth="1.3" />
        </svg>
        Panicroom
      </span>
      {children}
      <Privacy />
      <ThemeButton />
    </header>
  );
}

const ownTitles: Record<string, string> = { dump: 'Summary', frames: 'Stacks', regions: 'File map' };
const tableTitle = (name: string) => ownTitles[name] ?? title(name).replace(/^./, (letter) => letter.toUpperCase());

/** The views of a dump: one for each table, with memory after the log. */
function viewsOf(tables: TableInfo[]) {
  const views = tables
    .filter((table) => table.name !== 'dump')
    .map((table) => ({ view: table.name, title: tableTitle(table.name) }));
  const log = views.findIndex((view) => view.view === 'log');
  views.splice(log + 1 || views.length, 0, { view: 'memory', title: 'Memory' });
  return [{ view: 'summary', title: 'Summary' }, ...views];
}

function View({ view, tables }: { view: string; tables: TableInfo[] }) {
  switch (view) {
    case 'summary':
      return <Summary />;
    case 'processes':
      return <Processes />;
    case 'threads':
      return <Threads />;
    case 'log':
      return <Log />;
    case 'memory':
      return <Memory />;
    default: {
      const table = tables.find((candidate) => candidate.name === view);
      return table ? <TableView table={table} /> : <p className="pad dim">There is no such view.</p>;
    }
  }
}

function Opened({ session, onClose, onReopen }: { session: DumpSession; onClose(): void; onReopen(): void }) {
  const route = useRoute();
  const [palette, setPalette] = useState(false);
  const views = useMemo(() => viewsOf(session.opened.tables), [session]);
  const main = useRef<HTMLElement>(null);

  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      const typing = event.target instanceof Element && event.target.closest('input, select, textarea');
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setPalette(true);
      } else if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
        const filter = main.current?.querySelector<HTMLInputElement>('.filter');
        if (filter) {
          event.preventDefault();
          filter.focus();
          filter.select();
        }
      }
    }
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);

  return (
    <div className="page opened">
      <Header>
        <ul className="files" aria-label="Open files">
          {session.files.map((file, index) => (
            <li key={index} title={`${file.size} bytes`}>
              <span className="file-name">{file.name}</span> <span className="dim">{bytes(file.size)}</span>
            </li>
          ))}
        </ul>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
        <button type="button" className="quiet goto" onClick={() => setPalette(true)}>
          Go to… <kbd>Ctrl K</kbd>
        </button>
      </Header>
      <nav className="rail" aria-label="Views">
        {views.map(({ view, title: name }) => (
          <a key={view} href={`#${view}`} aria-current={view === route.view ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <main ref={main} className="content" aria-label={views.find(({ view }) => view === route.view)?.title}>
        <Busy engine={session.engine} onCancel={onReopen} />
        <View view={route.view} tables={session.opened.tables} />
      </main>
      <Palette open={palette} onClose={() => setPalette(false)} views={views} />
    </div>
  );
}

/** Shows that an answer takes its time, and stops it. */
function Busy({ engine, onCancel }: { engine: Engine; onCancel(): void }) {
  const [slow, setSlow] = useState(false);
  const [read, setRead] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const endPending = engine.onPending((pending) => {
      if (pending === 0) {
        clearTimeout(timer);
        timer = undefined;
        setSlow(false);
      } else {
        timer ??= setTimeout(() => setSlow(true), 700);
      }
    });
    const endProgress = engine.onProgress((progress) => setRead(progress.bytesRead));
    return () => {
      clearTimeout(timer);
      endPending();
      endProgress();
    };
  }, [engine]);
  if (!slow) return null;
  return (
    <div className="busy" role="status">
      <span>Reading… {bytes(read)} up to now</span>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </div>
  );
}
