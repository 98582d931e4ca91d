import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { App } from './app';
import { FakeEngine, someTables } from './test/fake-engine';

vi.mock('./engine/embedded', () => ({
  sampleName: () => 'sample.vmcore',
  sampleFile: async () => new File([new Uint8Array(64)], 'sample.vmcore'),
}));

const opened = () => screen.findByRole('heading', { level: 1, name: 'sysrq triggered crash' });

async function withDump() {
  const user = userEvent.setup();
  render(<App engine={new FakeEngine(someTables())} />);
  await user.upload(screen.getByTestId('files'), new File([new Uint8Array(2048)], 'vmcore'));
  await opened();
  return user;
}

it('the focus follows to the main heading, after Open and after Close', async () => {
  const user = await withDump();
  await waitFor(() => expect(document.activeElement?.textContent).toBe('sysrq triggered crash'));
  await user.click(screen.getByRole('button', { name: 'Close' }));
  expect(document.activeElement?.textContent).toBe('Open a kernel crash dump');
});

it('a page that has just been loaded leaves the focus alone', () => {
  render(<App engine={new FakeEngine(someTables())} />);
  expect(document.activeElement).toBe(document.body);
});

it('every view has one main heading', async () => {
  const user = await withDump();
  const nav = screen.getByRole('navigation', { name: 'Views' });
  for (const link of within(nav).getAllByRole('link')) {
    await user.click(link);
    await screen.findByRole('main', { name: link.textContent! });
    const headings = await screen.findAllByRole('heading', { level: 1 });
    expect(headings).toHaveLength(1);
    if (link.textContent !== 'Summary') expect(headings[0]!.textContent).toBe(link.textContent);
  }
});

it('the tab says which file it is and how its kernel died', async () => {
  document.title = 'Panicroom';
  const user = await withDump();
  await waitFor(() => expect(document.title).toBe('vmcore: sysrq triggered crash – Panicroom'));
  await user.click(screen.getByRole('button', { name: 'Close' }));
  expect(document.title).toBe('Panicroom');
});

it('? lists the keys, but not while one types', async () => {
  const user = await withDump();
  await user.keyboard('?');
  const help = await screen.findByRole('dialog', { name: 'Keyboard' });
  expect(help.textContent).toContain('Ctrl K');
  await user.click(within(help).getByRole('button', { name: 'Close' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  await user.click(screen.getByRole('link', { name: 'Processes' }));
  await user.type(await screen.findByRole('searchbox'), '?');
  expect(screen.queryByRole('dialog')).toBeNull();
});

it('after a reload it says that the dump has to be opened again', async () => {
  window.location.hash = '#threads';
  render(<App engine={new FakeEngine(someTables())} />);
  expect(screen.getByRole('status').textContent).toBe('The page was loaded anew and has kept nothing: open the dump again.');
  fireEvent.change(screen.getByTestId('files'), { target: { files: [new File([], 'vmcore')] } });
  await opened();
});

it('a page that is loaded for the first time says nothing of that', () => {
  render(<App engine={new FakeEngine(someTables())} />);
  expect(screen.queryByRole('status')).toBeNull();
});

it('#sample opens the sample at once', async () => {
  window.location.hash = '#sample';
  render(<App engine={new FakeEngine(someTables())} />);
  await opened();
  expect(window.location.hash).toBe('#summary');
  expect(screen.getByRole('list', { name: 'Open files' }).textContent).toContain('sample.vmcore');
});
