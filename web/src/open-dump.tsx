import { useEffect, useMemo, useRef, useState } from 'react';
import { bytes } from './format';
import { Busy } from './parts/busy';
import { FilePicker } from './parts/file-picker';
import { Header } from './parts/header';
import { Heading } from './parts/heading';
import { Help } from './parts/help';
import { Palette } from './parts/palette';
import { useRoute } from './route';
import { FactsProvider, useFacts, useSession } from './session';
import { View, viewsOf } from './views/views';

interface OpenDumpProps {
  onClose(): void;
  onReopen(): void;
}

/** The page while a dump is open. */
export function OpenDump({ onClose, onReopen }: OpenDumpProps) {
  const session = useSession();
  const { view: shown } = useRoute();
  const [above, setAbove] = useState<'palette' | 'help' | null>(null);
  const views = useMemo(() => viewsOf(session.opened.tables), [session]);
  const main = useRef<HTMLElement>(null);
  const name = views.find(({ view }) => view === shown)?.title;
  useKeys({
    palette: () => setAbove('palette'),
    help: () => setAbove('help'),
    filter: () => main.current?.querySelector<HTMLInputElement>('.filter'),
  });

  return (
    <FactsProvider>
      <TabTitle />
      <div className="page opened">
        <Header>
          <div className="open-files">
            <ul className="files" aria-label="Open files">
              {session.files.map((file, index) => (
                <li key={index} title={`${file.name}, ${file.size} bytes`}>
                  <span className="file-name">{file.name}</span> <span className="file-size dim">{bytes(file.size)}</span>
                </li>
              ))}
            </ul>
            <FilePicker className="quiet" onFiles={session.add} testId="more-files">
              <span className="add-long">Add files…</span>
              <span className="add-short">Add…</span>
            </FilePicker>
            <button type="button" className="quiet" onClick={onClose}>
              Close
            </button>
          </div>
          <button type="button" className="quiet goto" onClick={() => setAbove('palette')}>
            Go to… <kbd>Ctrl K</kbd>
          </button>
          <button type="button" className="quiet keys-button" aria-label="Keyboard" title="Keyboard" onClick={() => setAbove('help')}>
            ?
          </button>
        </Header>
        <nav className="rail" aria-label="Views">
          {views.map(({ view, title }) => (
            <a key={view} href={`#${view}`} aria-current={view === shown ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <main ref={main} className="content" aria-label={name}>
          <Busy engine={session.engine} onCancel={onReopen} />
          {shown !== 'summary' && (
            <Heading key={shown} className="visually-hidden">
              {name ?? 'No such view'}
            </Heading>
          )}
          <View view={shown} tables={session.opened.tables} />
        </main>
        <Palette open={above === 'palette'} onClose={() => setAbove(null)} views={views} />
        <Help open={above === 'help'} onClose={() => setAbove(null)} />
      </div>
    </FactsProvider>
  );
}

/** The tab says which file it is and how its kernel died. */
function TabTitle() {
  const { files } = useSession();
  const { facts } = useFacts();
  const panic = facts['panic'];
  useEffect(() => {
    const names = files.map((file) => file.name).join(', ');
    const before = document.title;
    document.title = `${panic == null ? names : `${names}: ${String(panic)}`} – Panicroom`;
    return () => {
      document.title = before;
    };
  }, [files, panic]);
  return null;
}

interface Keys {
  palette(): void;
  help(): void;
  filter(): HTMLInputElement | null | undefined;
}

function useKeys(keys: Keys) {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      const control = event.ctrlKey || event.metaKey;
      const elsewhere =
        document.querySelector('dialog[open]') !== null ||
        (event.target instanceof Element && event.target.closest('input, select, textarea') !== null);
      if (control && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        latest.current.palette();
      } else if (control || elsewhere) {
        return;
      } else if (event.key === '?') {
        latest.current.help();
      } else if (event.key === '/') {
        const filter = latest.current.filter();
        if (!filter) return;
        event.preventDefault();
        filter.focus();
        filter.select();
      }
    }
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}
