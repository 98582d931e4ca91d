import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { App } from './app';
import { FakeEngine, failure, someTables } from './test/fake-engine';

const dump = () => new File([new Uint8Array(2048)], 'vmcore');

async function opened(engine = new FakeEngine(someTables())) {
  const user = userEvent.setup();
  render(<App engine={engine} />);
  await user.upload(screen.getByTestId('files'), dump());
  await screen.findByRole('heading', { level: 1, name: 'sysrq triggered crash' });
  return { user, engine };
}
const go = (user: ReturnType<typeof userEvent.setup>, name: string) => user.click(screen.getByRole('link', { name }));

describe('the page', () => {
  it('answers first what died, where, and on which stack', async () => {
    await opened();
    expect(screen.getByLabelText('What died').textContent).toContain('Died on sh, pid 134, cpu 1');
    const stack = await screen.findByRole('list', { name: /Kernel stack/ });
    expect(stack.textContent).toContain('sysrq_handle_crash+0x16');
    expect(stack.textContent).toContain('no symbol covers it');
    expect(screen.getByText('12.0 KiB excluded')).toBeTruthy();
  });

  it('shows progress in bytes and can be cancelled', async () => {
    const engine = new FakeEngine(someTables());
    engine.held = true;
    const user = userEvent.setup();
    render(<App engine={engine} />);
    await user.upload(screen.getByTestId('files'), dump());
    await screen.findByText('0 bytes of 2.00 KiB read');
    engine.tellProgress({ file: 'vmcore', bytesRead: 1024, size: 2048, offset: 0 });
    await screen.findByText('1.00 KiB of 2.00 KiB read');
    const before = engine.cancels;
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(engine.cancels).toBe(before + 1);
    engine.release();
    await screen.findByText('Drop the dump here');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('says what is wrong with a file and what to do', async () => {
    const engine = new FakeEngine([]);
    engine.refuses = () => failure('corrupt', 'vmcore: the bitmap ends beyond the file');
    const user = userEvent.setup();
    render(<App engine={engine} />);
    await user.upload(screen.getByTestId('files'), dump());
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('vmcore: the bitmap ends beyond the file.');
    expect(alert.textContent).toContain('Compare the size and checksum');
    expect(screen.getByText('Drop the dump here')).toBeTruthy();
  });

  it('filters and sorts processes and shows one with its threads', async () => {
    const { user } = await opened();
    await go(user, 'Processes');
    const grid = await screen.findByRole('grid', { name: 'processes' });
    await within(grid).findByText('init');
    const names = () => within(grid).getAllByRole('row').slice(1).map((row) => within(row).getAllByRole('gridcell')[2]!.textContent);
    expect(names()).toEqual(['init', 'sh', '<img src=x>']);
    expect(grid.querySelector('img')).toBeNull();

    await user.click(within(grid).getByRole('button', { name: /^pid/ }));
    await within(grid).findByRole('columnheader', { name: /pid/ });
    await expect.poll(names).toEqual(['init', '<img src=x>', 'sh']);
    await user.click(within(grid).getByRole('button', { name: /^pid/ }));
    await expect.poll(names).toEqual(['sh', '<img src=x>', 'init']);

    await user.type(screen.getByRole('searchbox'), 'zombie');
    await expect.poll(names).toEqual(['<img src=x>']);
    await user.clear(screen.getByRole('searchbox'));
    await expect.poll(() => names().length).toBe(3);

    grid.focus();
    await user.keyboard('{Home}');
    const details = await screen.findByRole('complementary', { name: 'Details' });
    await within(details).findByText('sysrq_handle_crash', { exact: false });
    expect(within(details).getByText('2 threads')).toBeTruthy();
    await user.keyboard('{ArrowDown}{ArrowDown}');
    await within(details).findByRole('heading', { level: 2, name: /init/ });
  });

  it('keeps only the visible rows of a long table in the page', async () => {
    const { user } = await opened();
    await go(user, 'Log');
    const grid = await screen.findByRole('grid', { name: 'log' });
    await within(grid).findByText('line 0');
    expect(grid.getAttribute('aria-rowcount')).toBe('3001');
    expect(within(grid).getAllByRole('row').length).toBeLessThan(100);
    await user.type(screen.getByRole('searchbox'), 'line 2999');
    await within(grid).findByText('2999', { selector: 'mark' });
    expect(screen.getByText('1 of 3,000')).toBeTruthy();
  });

  it('shows a table that it knows nothing of', async () => {
    const { user } = await opened();
    await go(user, 'Mounts');
    const grid = await screen.findByRole('grid', { name: 'mounts' });
    await within(grid).findByText('/proc');
    expect(within(grid).getByRole('columnheader', { name: /mount point/ })).toBeTruthy();
  });

  it('goes to memory by symbol, with the steps of the translation', async () => {
    const engine = new FakeEngine(someTables(), {
      resolve: { address: '0xffffffff81000008', symbol: { name: 'linux_banner', address: '0xffffffff81000000', offset: 8, size: null, type: 'D' } },
      read: {
        address: '0xffffffff81000000',
        length: 16,
        bytes: new TextEncoder().encode('Linux version 6\n'),
        parts: [{ address: '0xffffffff81000000', length: 16, offset: 0 }],
      },
      translate: {
        address: '0xffffffff81000008',
        steps: [{ table: 'PML4', index: 511, entry_address: '0x1ff8', entry_offset: null, entry: '0x2063', meaning: 'table at 0x2000' }],
        translation: { physical: '0x1000008', page_size: 2097152, writable: true, executable: false, user: false },
        location: { present: true, before_cut: false, absence: null, codec: 'zstd', stored_size: 900, part: 0, file_offset: 4711, record_offset: 12, record: 'page descriptor' },
        error: null,
      },
    });
    const { user } = await opened(engine);
    await go(user, 'Memory');
    await user.type(await screen.findByLabelText('Address or symbol'), 'linux_banner+8{Enter}');
    await screen.findByText('Linux version 6·');
    expect(screen.getByText('linux_banner+0x8')).toBeTruthy();
    const steps = screen.getByRole('region', { name: /Translation/ });
    expect(steps.textContent).toContain('PML4entry 511');
    expect(steps.textContent).toContain('0x1000008');
    expect(steps.textContent).toContain('offset 4711');
    expect(engine.asked).toContainEqual({ name: 'read', ask: { address: '0xffffffff81000000', length: 2048, space: {} } });
  });

  it.each([
    [true, 'stored plain, named by the bitmap at 12; the file ends within this page'],
    [false, 'not in the dump: truncated'],
  ])('says where a byte of a page is that the end of the file cuts (before the cut: %s)', async (before_cut, text) => {
    const engine = new FakeEngine(someTables(), {
      resolve: { address: '0x1000', symbol: null },
      read: { address: '0x1000', length: 4, bytes: new TextEncoder().encode('left'), parts: [{ address: '0x1000', length: 4, offset: 0 }] },
      translate: {
        address: '0x1000',
        steps: [],
        translation: null,
        location: { present: false, before_cut, absence: 'truncated', codec: 'none', stored_size: 100, part: 0, file_offset: 4711, record_offset: 12, record: 'bitmap' },
        error: null,
      },
    });
    const { user } = await opened(engine);
    await go(user, 'Memory');
    await user.type(await screen.findByLabelText('Address or symbol'), '0x1000{Enter}');
    await screen.findByText('left');
    expect(screen.getByRole('region', { name: /Translation/ }).textContent).toContain(text);
  });
});
