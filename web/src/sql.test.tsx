import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { App } from './app';
import { EngineError } from './engine/client';
import type { Column, SqlAnswer } from './engine/protocol';
import { failure, FakeEngine, someTables } from './test/fake-engine';

vi.mock('./engine/embedded', () => ({ sampleName: () => undefined, sampleFile: async () => undefined }));

const columns: Column[] = [
  { name: 'state', type: 'text', doc: '' },
  { name: 'n', type: 'integer', doc: '' },
];
const answer: SqlAnswer = { table: 'sql-1', total: 2, matched: 2, offset: 0, rows: [], columns, notes: [] };

beforeEach(() => {
  window.location.hash = '';
});

async function inSql(engine: FakeEngine) {
  const user = userEvent.setup();
  render(<App engine={engine} />);
  await user.upload(screen.getByTestId('files'), new File([new Uint8Array(2048)], 'vmcore'));
  await user.click(await screen.findByRole('link', { name: 'SQL' }));
  return { user, editor: await screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'SQL' }) };
}
const statements = (engine: FakeEngine) => engine.asked.filter(({ name }) => name === 'sql').map(({ ask }) => (ask as { text: string }).text);

it('nothing runs unasked; Ctrl Enter runs what is typed, and the route keeps it', async () => {
  const engine = new FakeEngine([...someTables(), { name: 'sql-1', doc: '', columns, rows: [['idle', 36], ['running', 2]] }], { sql: answer });
  const { user, editor } = await inSql(engine);
  expect(statements(engine)).toEqual([]);
  await user.clear(editor);
  await user.type(editor, 'select 1{Control>}{Enter}{/Control}');
  expect(statements(engine)).toEqual(['select 1']);
  expect(window.location.hash).toBe('#sql/select%201');
  expect(await screen.findByText('2 rows')).toBeTruthy();
  expect(screen.getByRole('grid').getAttribute('aria-label')).toBe('sql-1');
  expect(editor.value).toBe('select 1');
});

it('an example runs; "back" brings the statement before', async () => {
  const engine = new FakeEngine(someTables(), { sql: { ...answer, columns: [] } });
  const { user, editor } = await inSql(engine);
  await user.clear(editor);
  await user.type(editor, 'select 1');
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await user.selectOptions(screen.getByRole('combobox', { name: 'Examples' }), 'The deepest stacks');
  expect(statements(engine)[1]).toContain('join frames');
  expect(await screen.findByText('The statement answers no rows.')).toBeTruthy();
  window.history.back();
  await waitFor(() => expect(editor.value).toBe('select 1'));
});

it('an error shows its line with a caret under the place', async () => {
  const engine = new FakeEngine(someTables());
  const ask = engine.ask.bind(engine);
  engine.ask = (name, asked) =>
    name === 'sql' ? Promise.reject(new EngineError({ ...failure('invalid', 'no such column: pdi'), place: 14 })) : ask(name, asked);
  const { user, editor } = await inSql(engine);
  await user.clear(editor);
  await user.type(editor, 'select pid,{Enter}  pdi from processes{Control>}{Enter}{/Control}');
  expect((await screen.findByRole('alert')).textContent).toContain('no such column: pdi');
  expect(screen.getByLabelText('The place in the statement').textContent).toBe('  pdi from processes\n  ^');
});

it('Stop ends the engine’s work and opens the dump again, with the statement still there', async () => {
  const engine = new FakeEngine(someTables());
  const ask = engine.ask.bind(engine);
  engine.ask = (name, asked) => (name === 'sql' ? new Promise(() => {}) : ask(name, asked));
  const { user, editor } = await inSql(engine);
  await user.clear(editor);
  await user.type(editor, 'select endless{Control>}{Enter}{/Control}');
  const before = engine.cancels;
  await user.click(await screen.findByRole('button', { name: 'Stop' }));
  expect(engine.cancels).toBeGreaterThan(before);
  const again = await screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'SQL' });
  expect(again.value).toBe('select endless');
  expect(screen.queryByRole('button', { name: 'Stop' })).toBeNull();
});

it('the schema lists every table; a column goes into the statement', async () => {
  const { user, editor } = await inSql(new FakeEngine(someTables()));
  await user.clear(editor);
  await user.type(editor, 'select ');
  await user.click(screen.getByText('mounts', { selector: 'summary' }));
  await user.click(screen.getByRole('button', { name: 'mount_point' }));
  expect(editor.value).toBe('select mount_point');
});
