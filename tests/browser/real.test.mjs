// The real dumps in the page, against what their guests and publishers say.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { allRows, axeScript, bunzip2, cases, launch, openDump, openPage, scratch, shownRows, view } from './harness.mjs';

const linux = `${cases}/linux-amd64`;
const freebsd = `${cases}/freebsd-amd64`;
const withoutCases = existsSync(`${linux}/vmcore.kdump-zstd`) ? false : `no real dumps in ${cases}`;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** pid and name of every task of crash's `ps`. */
function tasksOfCrash() {
  const names = new Map();
  let last;
  for (const line of readFileSync(`${linux}/crash.txt`, 'utf8').split('\n')) {
    const match = /^[> ]\s+(\d+)\s+\d+\s+\d+\s+[0-9a-f]{16}\s+[A-Z?]{2}\s+[\d.]+\s+\d+\s+\d+\s{2}(.*?)\s*$/.exec(line);
    if (match) {
      last = Number(match[1]);
      if (last !== 0) names.set(last, match[2].replace(/^\[(.*)\]$/, '$1'));
    } else if (last !== undefined) {
      // One name holds a line end, which crash prints as it is.
      if (/^\S+\s*$/.test(line)) names.set(last, `${names.get(last)}\\n${line.trim()}`);
      else last = undefined;
    }
  }
  return names;
}

test('the Linux dump: what died, every process, log, symbols, memory', { skip: withoutCases }, async (t) => {
  const { page, context, problems } = await openPage(browser);
  const milliseconds = await openDump(page, [`${linux}/vmcore.kdump-zstd`]);
  t.diagnostic(`first answer after ${Math.round(milliseconds)} ms`);
  assert.match(await page.locator('.verdict').innerText(), /6\.1\.0-\d+-amd64/);
  assert.match(await page.locator('.verdict h1').innerText(), /sysrq/i);
  await page.locator('.stack').getByText('sysrq_handle_crash').first().waitFor();

  const truth = tasksOfCrash();
  assert.ok(truth.size > 40, `crash.txt lists ${truth.size} tasks`);
  await view(page, 'Threads');
  await page.getByRole('grid').waitFor();
  await page.locator('.grid-row').first().waitFor();
  const shown = new Map((await allRows(page)).map(([, tid, , name]) => [Number(tid), name]));
  shown.delete(0);
  assert.deepEqual([...shown].sort(([a], [b]) => a - b), [...truth].sort(([a], [b]) => a - b));

  await view(page, 'Log');
  await page.getByPlaceholder('Search the log').fill('sysrq crash');
  await page.locator('.grid-row mark').first().waitFor();
  assert.match((await shownRows(page)).map((row) => row[2]).join('\n'), /sysrq: Trigger a crash/);

  await view(page, 'Symbols');
  // The rows of the view before may still stand for a moment: wait for this one's own count.
  await page.waitForFunction(
    () => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) - 1 >= 94_266,
  );
  await page.locator('.grid-row').first().waitFor();
  assert.ok((await page.locator('.grid-row').count()) < 120, 'only rows in view are in the page');
  await page.getByRole('searchbox').fill('linux_banner');
  await page.locator('.grid-row').getByText('linux_banner').first().waitFor();

  await view(page, 'Memory');
  await page.getByLabel('Address or symbol').fill('linux_banner');
  await page.getByRole('button', { name: 'Go', exact: true }).click();
  await page.locator('.hex-text').getByText('Linux version 6.').first().waitFor();
  assert.match(await page.locator('.translation').innerText(), /dump file\s+offset \d+/);
  assert.deepEqual(problems, []);
  await context.close();
});

test('the FreeBSD minidump with its kernel, in either order', { skip: withoutCases }, async (t) => {
  const folder = scratch(t);
  const dump = bunzip2(`${freebsd}/vmcore-amd64-minidump.bz2`, `${folder}/vmcore`);
  const truth = JSON.parse(readFileSync(`${freebsd}/truth.json`, 'utf8'))['amd64-minidump'];
  for (const files of [
    [dump, `${freebsd}/kernel.zst`],
    [`${freebsd}/kernel.zst`, dump],
  ]) {
    const { page, context, problems } = await openPage(browser);
    await openDump(page, files);
    await view(page, 'Threads');
    await page.locator('.grid-row').first().waitFor();
    const rows = await allRows(page);
    const pairs = (list) => list.map(([pid, tid]) => `${pid}/${tid}`).sort();
    assert.deepEqual(
      pairs(rows.map(([pid, tid]) => [pid, tid])),
      pairs(truth.threads.map((thread) => [thread.pid, thread.tid])),
    );
    await view(page, 'Memory');
    await page.getByLabel('Address or symbol').fill('0xfffff800000a0000');
    await page.getByRole('button', { name: 'Go', exact: true }).click();
    await page.locator('.hole').first().waitFor();
    assert.equal(await page.locator('.hex-line').count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  }
});

test('a kernel file alone is refused with what to do', { skip: withoutCases }, async () => {
  const { page, context } = await openPage(browser);
  await page.getByTestId('files').setInputFiles([`${freebsd}/kernel.zst`]);
  const text = await page.locator('.start .failure').innerText();
  assert.match(text, /kernel file, not a dump/);
  await context.close();
});

for (const colorScheme of ['light', 'dark'])
  for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 780 }])
    test(`views are accessible and fit: ${colorScheme}, ${viewport.width} wide`, { skip: withoutCases }, async () => {
      const { page, context } = await openPage(browser, { context: { colorScheme, viewport } });
      const check = async (name) => {
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
        await page.evaluate(axeScript());
        const violations = await page.evaluate(async () =>
          (
            await window.axe.run(document, {
              runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],
              rules: { 'page-has-heading-one': { enabled: true } },
            })
          ).violations.map(
            ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).slice(0, 3).join(', ')}`,
          ),
        );
        assert.deepEqual(violations, [], name);
      };
      await check('start');
      await openDump(page, [`${linux}/vmcore.kdump-zstd`]);
      await page.locator('.stack li').first().waitFor();
      await page.locator('.log-lines li').first().waitFor();
      await check('Summary');
      for (const name of ['Processes', 'Threads', 'Log', 'Symbols', 'Ranges', 'File map']) {
        await view(page, name);
        await page.locator('.grid-row').first().waitFor();
        await check(name);
      }
      await view(page, 'Stacks');
      await page.locator('.thread-stack').first().waitFor();
      await check('Stacks');
      await view(page, 'Memory');
      await page.getByLabel('Address or symbol').fill('linux_banner');
      await page.getByRole('button', { name: 'Go', exact: true }).click();
      await page.locator('.hex-line').first().waitFor();
      await check('Memory');
      await view(page, 'SQL');
      await page.getByLabel('Examples').selectOption({ label: 'Threads by state' });
      await page.locator('.grid-row').first().waitFor();
      await page.getByText('processes', { exact: true }).click();
      await check('SQL');
      await context.close();
    });

test('the keyboard alone is enough', { skip: withoutCases }, async () => {
  const { page, context, problems } = await openPage(browser);
  await openDump(page, [`${linux}/vmcore.kdump-zstd`]);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('proce');
  await page.keyboard.press('Enter');
  await page.locator('.grid-row').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('kthreadd');
  await page.getByText(/^1 of /).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('complementary', { name: 'Details' }).getByRole('heading', { name: /kthreadd/ }).waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('linux_banner');
  await page.getByRole('option', { name: /^linux_banner/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.hex-text').getByText('Linux version').first().waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test('cancelling an opening gives the start page back', { skip: withoutCases }, async () => {
  const { page, context } = await openPage(browser);
  await page.evaluate(() => {
    // The worker is held back, so that the opening lasts until it is cancelled.
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, transfer) {
      if (message.name !== 'open') post.call(this, message, transfer);
    };
    window.letGo = () => (Worker.prototype.postMessage = post);
  });
  await page.getByTestId('files').setInputFiles([`${linux}/vmcore.kdump-zstd`]);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Drop the dump here').waitFor();
  await page.evaluate(() => window.letGo());
  await openDump(page, [`${linux}/vmcore.kdump-zstd`]);
  await context.close();
});
