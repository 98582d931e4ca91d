import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Cancelled, type Engine } from './engine/client';
import { sampleFile } from './engine/embedded';
import type { Failure, Opened } from './engine/protocol';
import { OpenDump } from './open-dump';
import { AddOrOpen, type Asking } from './parts/add-or-open';
import { type Dropped, useFileDrop } from './parts/file-drop';
import { Header } from './parts/header';
import { forgetRoute, navigate, replaceRoute, useRoute } from './route';
import { type DumpSession, failureOf, SessionProvider } from './session';
import { Opening } from './views/opening';
import { Start } from './views/start';

type Stage =
  | { name: 'start'; failure: Failure | null; closed?: boolean }
  | { name: 'opening'; files: File[] }
  | { name: 'open'; opened: Opened; files: File[] };

const folderFailure = (name: string): Failure => ({
  code: 'invalid',
  absence: null,
  text: `“${name}” is a folder, not a file`,
  sentence: '',
  address: null,
  offset: null,
});

const sameFile = (a: File, b: File) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;

export function App({ engine }: { engine: Engine }) {
  const [stage, setStage] = useState<Stage>({ name: 'start', failure: null });
  const [asking, setAsking] = useState<Asking | null>(null);
  const route = useRoute();
  // A fragment that was there before any dump was open is left from before a reload.
  const [reloaded] = useState(() => window.location.hash.length > 1 && route.view !== 'sample');

  const open = useCallback(
    async (files: File[], { keepView = false, otherwise }: { keepView?: boolean; otherwise?: File[] } = {}) => {
      engine.cancel();
      setStage({ name: 'opening', files });
      try {
        const opened = await engine.open(files);
        if (!keepView) navigate({ view: 'summary' });
        setStage({ name: 'open', opened, files });
      } catch (error) {
        if (error instanceof Cancelled) return;
        const failure = failureOf(error);
        if (!otherwise) return setStage({ name: 'start', failure });
        setAsking({ failure, names: files.slice(otherwise.length).map((file) => file.name) });
        await open(otherwise, { keepView: true });
      }
    },
    [engine],
  );

  /** Opens again with more files; where that is not possible, what was open stays open. */
  async function add(files: File[]) {
    if (stage.name === 'start') return open(files);
    const more = files.filter((file) => !stage.files.some((one) => sameFile(one, file)));
    if (more.length === 0) return;
    await open([...stage.files, ...more], { keepView: true, otherwise: stage.files });
  }
  async function openSample() {
    const file = await sampleFile();
    if (file) await open([file]);
  }
  function close() {
    engine.cancel();
    forgetRoute();
    setStage({ name: 'start', failure: null, closed: true });
  }
  function onDrop({ files, folders }: Dropped) {
    const [folder] = folders;
    const failure = folder === undefined ? null : folderFailure(folder);
    if (stage.name === 'start') {
      if (failure) setStage({ name: 'start', failure });
      else if (files.length) void open(files);
    } else if (failure) {
      setAsking({ failure, names: folders });
    } else if (files.length) {
      setAsking({ files });
    }
  }
  const over = useFileDrop(onDrop);

  const latest = useRef({ add, open, openSample });
  latest.current = { add, open, openSample };
  const session = useMemo<DumpSession | null>(
    () =>
      stage.name === 'open'
        ? { engine, opened: stage.opened, files: stage.files, add: (files) => void latest.current.add(files), reopen: () => void latest.current.open(stage.files, { keepView: true }) }
        : null,
    [engine, stage],
  );
  useEffect(() => {
    if (route.view !== 'sample') return;
    replaceRoute({ view: 'summary' });
    void latest.current.openSample();
  }, [route.view]);

  return (
    <>
      {session && (
        <SessionProvider value={session}>
          <OpenDump
            key={session.files.map((file) => file.name).join()}
            onClose={close}
            onReopen={session.reopen}
          />
        </SessionProvider>
      )}
      {stage.name !== 'open' && (
        <div className="page">
          <Header />
          {stage.name === 'opening' ? (
            <Opening engine={engine} files={stage.files} onCancel={close} />
          ) : (
            <Start
              failure={stage.failure}
              reloaded={reloaded && !stage.failure && !stage.closed}
              takesFocus={stage.closed === true || stage.failure !== null}
              onFiles={open}
              onSample={openSample}
            />
          )}
        </div>
      )}
      {over && (
        <div className="drop-overlay" aria-hidden="true">
          <p>{stage.name === 'start' ? 'Drop to open' : 'Drop to add to the open dump, or to open instead'}</p>
        </div>
      )}
      <AddOrOpen
        of={asking}
        onClose={() => setAsking(null)}
        onAdd={(files) => {
          setAsking(null);
          void add(files);
        }}
        onOpen={(files) => {
          setAsking(null);
          void open(files);
        }}
      />
    </>
  );
}
