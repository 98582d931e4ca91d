import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { App } from '../app';
import type { Note } from '../engine/protocol';
import { FakeEngine, type FakeTable, failure, someTables } from '../test/fake-engine';

const note = (code: Note['code'], text: string): Note => ({ code, text, at: null });

/** The tables of a small dead machine, its dump changed. */
function tables(changes: Record<string, unknown>, notes: Note[] = []): FakeTable[] {
  const [dump, ...others] = someTables();
  const row = dump!.columns.map(({ name }, index) => (name in changes ? changes[name] : dump!.rows[0]![index])) as FakeTable['rows'][0];
  return [{ ...dump!, rows: [row], notes }, ...others];
}

async function opened(engine: FakeEngine) {
  const user = userEvent.setup();
  render(<App engine={engine} />);
  await user.upload(screen.getByTestId('files'), new File([new Uint8Array(8)], 'vmcore', { lastModified: 1 }));
  await screen.findByRole('region', { name: 'What died' });
  return user;
}
const heading = () => screen.getByRole('heading', { level: 1 }).textContent;

describe('a dump that is cut off', () => {
  const ends = note('not_in_dump', 'the file ends early: the last pages that it describes are not in it');
  const cut = { complete: false, memory_present: 8638464, memory_missing: 1306624 };

  it('says so once, with how much is missing and what to do', async () => {
    const why = failure('not_in_dump', "the kernel's page tables are not in this incomplete dump");
    const engine = new FakeEngine(tables({ ...cut, panic: null }, [note(why.code, why.text), ends]));
    engine.kernelError = why;
    await opened(engine);
    expect(heading()).toBe('This dump is cut off');
    const text = screen.getByRole('main').textContent!;
    expect(text).toContain('1.25 MiB of the 9.48 MiB of memory that it should hold are missing.');
    expect(text).toContain('copy it again');
    expect(text.split("the kernel's page tables")).toHaveLength(2);
    expect(text).not.toContain('There was no memory at this address');
    expect(text).not.toContain('the file ends early');
  });

  it('says so under the panic where that is known', async () => {
    const all = tables(cut, [ends]);
    all.find((table) => table.name === 'frames')!.notes = [ends, note('no_type', 'something about this stack')];
    await opened(new FakeEngine(all));
    expect(heading()).toBe('sysrq triggered crash');
    expect(screen.getByText('This dump is cut off.')).toBeTruthy();
    await screen.findByText(/something about this stack/);
    expect(screen.queryByText(/the file ends early/)).toBeNull();
  });
});

it('a dump of an unknown kernel that lacks memory still wants FreeBSD’s kernel file', async () => {
  const engine = new FakeEngine(tables({ panic: null, complete: false, memory_missing: 4096 }));
  engine.kernelError = failure('unsupported', 'the kernel was not recognised; a FreeBSD full dump needs its kernel file (/boot/kernel/kernel)');
  await opened(engine);
  expect(heading()).toBe('The kernel was not understood');
  expect(screen.getByRole('alert').textContent).toContain('drop its kernel file on this page');
  expect(screen.getByText('This dump is incomplete.')).toBeTruthy();
});

it('a FreeBSD dump alone asks for its kernel file, which can be chosen right there', async () => {
  const wanted = note('no_symbol', 'the symbol dumptid is needed: give the kernel file (/boot/kernel/kernel) too');
  const engine = new FakeEngine(tables({ system: 'FreeBSD', panic: null }, [wanted]));
  const user = await opened(engine);
  expect(heading()).toBe('How it died is told with its kernel file');
  const picker = screen.getByRole('button', { name: 'choose it' }).parentElement!.querySelector('input')!;
  await user.upload(picker, new File([new Uint8Array(9)], 'kernel', { lastModified: 1 }));
  await screen.findByRole('region', { name: 'What died' });
  expect(screen.getByRole('list', { name: 'Open files' }).textContent).toContain('kernel');
});

describe('the thread on which the kernel died', () => {
  it('is a link to its stack, and its process another', async () => {
    const user = await opened(new FakeEngine(someTables()));
    const died = within(screen.getByRole('region', { name: 'What died' }));
    expect(died.getByRole('link', { name: 'pid 134' }).getAttribute('href')).toBe('#processes?pid=134');
    await user.click(died.getByRole('link', { name: 'sh' }));
    const details = await screen.findByRole('complementary', { name: 'Details' });
    await within(details).findByText('sysrq_handle_crash');
    expect((await screen.findAllByRole('row', { selected: true }))[0]!.textContent).toContain('crashed');
  });

  it('is no link where only the log names it', async () => {
    await opened(new FakeEngine(tables({ crashed_pid: null, crashed_tid: 150, crashed_name: null })));
    const died = within(screen.getByRole('region', { name: 'What died' }));
    expect(died.queryByRole('link')).toBeNull();
    expect(died.getByText(/tid 150/)).toBeTruthy();
  });
});

it('the last words lead on to the line where they stop', async () => {
  const all = tables({ panic: 'line 2990' });
  const log = all.find((table) => table.name === 'log')!;
  log.rows[2900]![2] = 'line 2990';
  log.rows[2990]![2] = 'another';
  const user = await opened(new FakeEngine(all));
  await user.click(await screen.findByRole('link', { name: '… 76 more lines' }));
  expect(window.location.hash).toBe('#log/2924');
  await screen.findByRole('grid', { name: 'log' });
});

it('all stacks: frames under their threads, the crashed one first', async () => {
  const user = await opened(new FakeEngine(someTables()));
  await user.click(screen.getByRole('link', { name: 'Stacks' }));
  const stacks = await screen.findByRole('region', { name: 'Kernel stacks' });
  const [first] = within(stacks).getAllByRole('heading', { level: 2 });
  expect(first!.textContent).toMatch(/^shpid 134 tid 134 cpu 1runningcrashed$/);
  expect(stacks.textContent).toContain('sysrq_handle_crash+0x16');
  await user.type(screen.getByRole('searchbox'), 'nothing');
  await screen.findByText('Nothing matches the filter.');
});

describe('what it died of', () => {
  const column = (name: string, type: 'text' | 'address' | 'integer') => ({ name, type, doc: name, detail: false, extra: false });
  const analysis: FakeTable = {
    name: 'analysis',
    doc: 'How the kernel died.',
    columns: [column('topic', 'text'), column('statement', 'text'), column('confidence', 'text'), column('address', 'address'), column('offset', 'integer')],
    rows: [
      ['cause', 'freed [x] freed memory that was free already', 'likely', '0xffff888000000010', 16],
      ['kind', 'double free', 'likely', null, null],
      ['said', 'kernel BUG at mm/slub.c:419!', 'certain', '0xffff888000000010', 16],
      ['thread', '<img src=x> (tid 134)', 'certain', '0xffff888000000020', 32],
      ['frame', 'kfree+0x1', 'certain', '0xffffffff81000000', 64],
      ['memory', '1 of 100 MiB free', 'certain', null, null],
    ],
  };
  const panel = async () => within(await screen.findByRole('region', { name: /What it died of/ }));

  it('says it in a sentence, with how sure that is, and what was found besides', async () => {
    await opened(new FakeEngine([...someTables(), analysis]));
    const found = await panel();
    expect((await found.findByText(/freed \[x\] freed memory that was free already/)).textContent).toContain('(likely)');
    expect(found.getByText('1 of 100 MiB free')).toBeTruthy();
    expect(found.getByText('<img src=x> (tid 134)')).toBeTruthy();
    // The kernel's words and the crashed thread's frames have panels of their own.
    expect(found.queryByText(/slub.c/)).toBeNull();
    expect(found.queryByText(/kfree/)).toBeNull();
  });

  it('a statement leads to the bytes that say so', async () => {
    const user = await opened(new FakeEngine([...someTables(), analysis]));
    await user.click(await (await panel()).findByRole('button', { name: '<img src=x> (tid 134)' }));
    expect(window.location.hash).toContain('0xffff888000000020');
  });

  it('shows the frames of a thread that did not panic itself', async () => {
    const other: FakeTable = { ...analysis, rows: [...analysis.rows, ['thread', 'the panic itself came from khungtaskd (tid 28)', 'certain', null, null]] };
    await opened(new FakeEngine([...someTables(), other]));
    expect(await (await panel()).findByText('kfree+0x1')).toBeTruthy();
  });
});
