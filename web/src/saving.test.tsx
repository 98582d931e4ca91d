import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { App } from './app';
import { FakeEngine, someTables } from './test/fake-engine';

let saved: { name: string; blob: Blob }[];
beforeEach(() => {
  saved = [];
  let blob: Blob;
  URL.createObjectURL = vi.fn((of: Blob) => {
    blob = of;
    return 'blob:test';
  });
  URL.revokeObjectURL = vi.fn();
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    saved.push({ name: this.download, blob });
  });
});
afterEach(() => vi.restoreAllMocks());

async function withProcesses() {
  const user = userEvent.setup();
  const engine = new FakeEngine(someTables());
  render(<App engine={engine} />);
  await user.upload(screen.getByTestId('files'), new File([new Uint8Array(8)], 'vmcore'));
  await user.click(await screen.findByRole('link', { name: 'Processes' }));
  const grid = await screen.findByRole('grid', { name: 'processes' });
  await within(grid).findByText('init');
  const asked = () => engine.asked.filter(({ name }) => name === 'write').map(({ ask }) => ask);
  return { user, grid, asked };
}

it('a table is saved as the engine writes it, filtered and sorted as it is shown', async () => {
  const { user, grid, asked } = await withProcesses();
  await user.click(within(grid).getByRole('button', { name: /^pid/ }));
  await user.type(screen.getByRole('searchbox'), 's');
  await user.click(screen.getByRole('button', { name: 'JSON' }));
  await screen.findByText('saved vmcore-processes.json');
  expect(saved).toMatchObject([{ name: 'vmcore-processes.json', blob: { type: 'application/json' } }]);
  expect(asked()).toEqual([
    { table: 'processes', options: { filter: 's', sort: [{ column: 'pid', descending: false }] }, form: 'json' },
  ]);
});

it('rows that are selected by keys are copied as CSV', async () => {
  const { user, grid, asked } = await withProcesses();
  grid.focus();
  await user.keyboard('{Home}{Shift>}{ArrowDown}{/Shift}');
  expect(within(grid).getAllByRole('row', { selected: true })).toHaveLength(2);
  await user.keyboard('{Control>}c{/Control}');
  await screen.findByText('copied 2 rows');
  expect(asked()).toEqual([{ table: 'processes', options: { filter: '', sort: [], offset: 0, limit: 2 }, form: 'csv' }]);
  expect(JSON.parse(await navigator.clipboard.readText())).toHaveLength(2);
});

it('Ctrl A selects all, a click one, Shift and a click those between', async () => {
  const { user, grid } = await withProcesses();
  grid.focus();
  await user.keyboard('{Control>}a{/Control}');
  expect(screen.getByRole('button', { name: 'Copy 3 rows' })).toBeTruthy();
  await user.click(within(grid).getByText('init'));
  expect(screen.getByRole('button', { name: 'Copy 1 row' })).toBeTruthy();
  await user.keyboard('{Shift>}');
  await user.click(within(grid).getByText('sh'));
  await user.keyboard('{/Shift}');
  await waitFor(() => expect(screen.getByRole('button', { name: 'Copy 2 rows' })).toBeTruthy());
});
