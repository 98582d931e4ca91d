import { fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { App } from './app';
import { droppedOf } from './parts/file-drop';
import { FakeEngine, failure, someTables } from './test/fake-engine';

const file = (name: string, size = 2048) => new File([new Uint8Array(size)], name, { lastModified: 1 });

/** What a drag carries; a name with a slash at its end is a folder's. */
function transfer(...names: string[]) {
  const files = names.map((name) => file(name.replace('/', '')));
  const items = names.map((name) => ({
    kind: 'file',
    webkitGetAsEntry: () => ({ isDirectory: name.endsWith('/'), name: name.replace('/', '') }),
  }));
  return { types: ['Files'], files, items };
}
const drop = (...names: string[]) => fireEvent.drop(document.body, { dataTransfer: transfer(...names) });
const opened = () => screen.findByRole('heading', { level: 1, name: 'sysrq triggered crash' });
const openFiles = () => within(screen.getByRole('list', { name: 'Open files' })).getAllByRole('listitem').map((item) => item.title.split(',')[0]);

async function withDump() {
  const engine = new FakeEngine(someTables());
  const user = userEvent.setup();
  render(<App engine={engine} />);
  await user.upload(screen.getByTestId('files'), file('vmcore'));
  await opened();
  return { engine, user };
}

describe('files that are dropped', () => {
  it('are taken anywhere on the page, which says so while they are dragged', async () => {
    render(<App engine={new FakeEngine(someTables())} />);
    fireEvent.dragOver(document.body, { dataTransfer: transfer('vmcore') });
    expect(screen.getByText('Drop to open')).toBeTruthy();
    fireEvent.dragLeave(document.body, { dataTransfer: transfer('vmcore') });
    expect(screen.queryByText('Drop to open')).toBeNull();
    drop('vmcore');
    await opened();
  });

  it('do not answer a drag of something else', () => {
    render(<App engine={new FakeEngine(someTables())} />);
    fireEvent.dragOver(document.body, { dataTransfer: { types: ['text/plain'] } });
    expect(screen.queryByText('Drop to open')).toBeNull();
  });

  it('are added to the open dump when the user says so', async () => {
    const { engine, user } = await withDump();
    drop('kernel');
    await user.click(screen.getByRole('button', { name: 'Add to the open dump' }));
    await opened();
    expect(openFiles()).toEqual(['vmcore', 'kernel']);
    expect(engine.asked.filter(({ name }) => name === 'open')).toHaveLength(2);
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('are opened instead when the user says so', async () => {
    const { user } = await withDump();
    drop('vmcore.1', 'kernel');
    await screen.findByRole('heading', { name: '2 files: add or open instead?' });
    await user.click(screen.getByRole('button', { name: 'Open instead' }));
    await opened();
    expect(openFiles()).toEqual(['vmcore.1', 'kernel']);
  });

  it('change nothing when the user cancels', async () => {
    const { engine, user } = await withDump();
    drop('kernel');
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(openFiles()).toEqual(['vmcore']);
    expect(engine.asked.filter(({ name }) => name === 'open')).toHaveLength(1);
  });

  it('leave the open dump open when they cannot be added', async () => {
    const { engine, user } = await withDump();
    engine.refuses = (files) => (files.length > 1 ? failure('unsupported', 'notes.txt: this is no dump') : null);
    drop('notes.txt');
    await user.click(screen.getByRole('button', { name: 'Add to the open dump' }));
    const dialog = await screen.findByRole('dialog');
    expect(within(dialog).getByRole('alert').textContent).toContain('notes.txt: this is no dump.');
    await opened();
    expect(openFiles()).toEqual(['vmcore']);
  });

  it('may be a folder, which is said as it is', async () => {
    const engine = new FakeEngine(someTables());
    render(<App engine={engine} />);
    drop('202611210003/');
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('“202611210003” is a folder, not a file.');
    expect(alert.textContent).toContain('Drop the dump file that is in it');
    expect(engine.asked).toEqual([]);
  });

  it('may be a folder while a dump is open', async () => {
    await withDump();
    drop('crash/');
    const dialog = await screen.findByRole('dialog');
    expect(dialog.textContent).toContain('“crash” is a folder');
    expect(openFiles()).toEqual(['vmcore']);
  });
});

it('files can be added by a button', async () => {
  const { user } = await withDump();
  await user.upload(screen.getByTestId('more-files'), file('kernel'));
  await opened();
  expect(openFiles()).toEqual(['vmcore', 'kernel']);
});

it('the same file is not added twice', async () => {
  const { engine, user } = await withDump();
  await user.upload(screen.getByTestId('more-files'), file('vmcore'));
  expect(openFiles()).toEqual(['vmcore']);
  expect(engine.asked.filter(({ name }) => name === 'open')).toHaveLength(1);
});

it('droppedOf works where a browser does not tell folders', () => {
  const files = [file('vmcore')];
  expect(droppedOf({ files, items: [{}] } as never)).toEqual({ files, folders: [] });
});
