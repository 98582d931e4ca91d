// How the page is used with the sample dump: its size on a desk and on a phone, focus, dropping, saving, going to.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { bunzip2, cases, dropFiles, launch, openDump, openPage, sample, scratch, serve, view } from './harness.mjs';

const wasmProgram = fileURLToPath(new URL('../../wasm/bin/panicroom.mjs', import.meta.url));
const freebsd = `${cases}/freebsd-amd64`;
const withoutCases = existsSync(`${freebsd}/kernel.zst`) ? false : `no real dumps in ${cases}`;
const phone = { context: { viewport: { width: 390, height: 780 } } };

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const focused = (page) => page.evaluate(() => document.activeElement?.textContent ?? '');
async function withSample(options) {
  const opened = await openPage(browser, options);
  await openDump(opened.page, [sample]);
  await opened.page.locator('.stack li').first().waitFor();
  return opened;
}

test('#sample opens the sample at once', async (t) => {
  const server = await serve(t);
  const { page, context, problems } = await openPage(browser, { url: `${server.url}#sample` });
  await page.locator('.verdict h1').waitFor();
  assert.match(await page.title(), /^sample\.vmcore: .*panic.* – Panicroom$/);
  await page.reload();
  await page.getByText('open the dump again').waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test('FreeBSD: the dump first, the kernel file dropped afterwards', { skip: withoutCases }, async (t) => {
  const { page, context, problems } = await openPage(browser);
  const dump = bunzip2(`${freebsd}/vmcore-amd64-minidump.bz2`, `${scratch(t)}/vmcore`);
  await page.getByTestId('files').setInputFiles([dump]);
  await page.getByRole('heading', { name: /kernel file/ }).waitFor();
  await dropFiles(page, [`${freebsd}/kernel.zst`]);
  await page.getByRole('dialog').waitFor();
  assert.equal(await focused(page), 'Add to the open dump');
  await page.keyboard.press('Enter');
  await page.locator('.files').getByText('kernel.zst').waitFor();
  await view(page, 'Threads');
  await page.locator('.grid-row').first().waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test('a file that cannot be added leaves the dump open, and the focus in it', async (t) => {
  const { page, context, problems } = await withSample();
  const notes = `${scratch(t)}/notes.txt`;
  writeFileSync(notes, 'not a dump');
  await page.getByRole('link', { name: 'Log', exact: true }).focus();
  await dropFiles(page, [notes]);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.textContent === 'Log');
  await dropFiles(page, [notes]);
  await page.getByRole('button', { name: 'Add to the open dump' }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await page.locator('.verdict h1').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  assert.equal(await focused(page), 'Open a kernel crash dump');
  assert.deepEqual(problems, []);
  await context.close();
});

test('Go to: a thread by its name, a process before memory for its id, nothing for nonsense', async () => {
  const { page, context, problems } = await withSample();
  const [, name] = /Died on (\S+), pid/.exec(await page.locator('.where').innerText());
  const goTo = async (text) => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type(text);
  };
  await goTo(`${name}\n`);
  await page.getByRole('complementary', { name: 'Details' }).getByRole('heading', { name }).waitFor();
  await goTo('1');
  await page.getByRole('option', { name: /process, pid 1$/ }).waitFor();
  assert.deepEqual((await page.getByRole('option').allInnerTexts()).at(-1), 'Memory at 1');
  await page.keyboard.press('Escape');
  await goTo('zzzz');
  await page.getByText('Nothing in this dump is called “zzzz”.').waitFor();
  assert.equal(await page.getByRole('option').count(), 0);
  await page.keyboard.press('Escape');
  await goTo('init_task\n');
  await page.locator('.translation').waitFor();
  assert.match(page.url(), /#memory\/init_task$/);
  assert.deepEqual(problems, []);
  await context.close();
});

test('saving and copying give the bytes of the command line and make no request', async (t) => {
  const server = await serve(t);
  const { page, context, problems } = await openPage(browser, { url: server.url });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openDump(page, [sample]);
  const printed = (...args) => execFileSync(process.execPath, [wasmProgram, ...args, sample], { maxBuffer: 2 ** 28 });
  for (const [name, table] of [['Threads', 'threads'], ['Stacks', 'frames']]) {
    await view(page, name);
    await page.locator('.grid-row, .thread-stack').first().waitFor();
    for (const form of ['csv', 'json']) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: form.toUpperCase() }).click()]);
      assert.equal(download.suggestedFilename(), `sample.vmcore-${table}.${form}`);
      assert.ok(readFileSync(await download.path()).equals(printed('table', table, `--${form}`)), `${table} ${form}`);
    }
  }
  await view(page, 'Threads');
  await page.getByRole('grid').focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Control+c');
  await page.getByText('copied 2 rows').waitFor();
  const lines = printed('table', 'threads', '--csv').toString().split('\r\n').slice(0, 3);
  assert.deepEqual((await page.evaluate(() => navigator.clipboard.readText())).trimEnd().split(/\r?\n/), lines);
  assert.deepEqual(server.asked, ['GET /panicroom.html']);
  assert.deepEqual(problems, []);
  await context.close();
});

test('at a desk the threads fit, numbers stand under their names, offsets stay whole', async () => {
  const { page, context } = await withSample();
  await view(page, 'Threads');
  await page.locator('.grid-row').nth(5).waitFor();
  const grid = page.getByRole('grid');
  assert.ok(await grid.evaluate((element) => element.scrollWidth <= element.clientWidth), 'no column is cut');
  const right = (locator) => locator.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().right;
  });
  for (const column of [0, 1, 5])
    assert.ok(
      Math.abs(
        (await right(page.getByRole('columnheader').nth(column))) - (await right(page.locator('.grid-row').first().getByRole('gridcell').nth(column))),
      ) < 1,
      `column ${column}`,
    );
  await page.getByRole('searchbox').fill('crashed');
  await page.goto(page.url().replace(/#.*/, '#summary'));
  await page.locator('.where a').first().click();
  await page.locator('.details .frame-offset').first().waitFor();
  for (const offset of await page.locator('.details .frame-offset').all())
    assert.equal(await offset.evaluate((element) => element.getClientRects().length), 1);
  await context.close();
});

test('on a phone: the file has a name, the log wraps, symbols are in sight, the check fits', async () => {
  const { page, context } = await withSample(phone);
  const inSight = async (locator, what) => {
    const { x, width } = await locator.boundingBox();
    assert.ok(width > 0 && x >= 0 && x + width <= 390, `${what}: ${x} to ${x + width}`);
  };
  await inSight(page.locator('.file-name'), 'the name');
  assert.ok(await page.locator('.file-name').evaluate((element) => element.scrollWidth <= element.clientWidth), 'the name is whole');
  await page.getByRole('button', { name: 'Nothing is uploaded' }).click();
  assert.ok(await page.getByRole('dialog').evaluate((element) => element.scrollWidth <= element.clientWidth));
  await page.keyboard.press('Escape');
  const line = page.locator('.log-lines li').nth(1);
  const [time, text] = await Promise.all([line.locator('.log-time').boundingBox(), line.locator('.log-text').boundingBox()]);
  assert.ok(Math.abs(time.y - text.y) < 4, 'time and text share a line');
  await view(page, 'Log');
  await page.locator('.grid-row').nth(5).waitFor();
  assert.ok(await page.getByRole('grid').evaluate((element) => element.scrollWidth <= element.clientWidth), 'the log wraps');
  await view(page, 'Stacks');
  await page.locator('.thread-stack').first().waitFor();
  for (const symbol of (await page.locator('.frame-symbol').all()).slice(0, 10)) await inSight(symbol, 'a symbol');
  await context.close();
});

test('on a phone two files share the header', { skip: withoutCases }, async (t) => {
  const { page, context } = await openPage(browser, phone);
  const dump = bunzip2(`${freebsd}/vmcore-amd64-minidump.bz2`, `${scratch(t)}/vmcore-of-a-machine.0`);
  await openDump(page, [dump, `${freebsd}/kernel.zst`]);
  const boxes = await Promise.all((await page.locator('.files li').all()).map((file) => file.boundingBox()));
  assert.equal(boxes.length, 2);
  assert.ok(boxes[0].x + boxes[0].width <= boxes[1].x && boxes[1].x + boxes[1].width <= 390, JSON.stringify(boxes));
  await context.close();
});

test('two names are whole at a desk', { skip: withoutCases }, async (t) => {
  const { page, context } = await openPage(browser);
  const dump = bunzip2(`${freebsd}/vmcore-amd64-minidump.bz2`, `${scratch(t)}/vmcore.0`);
  await openDump(page, [dump, `${freebsd}/kernel.zst`]);
  for (const name of await page.locator('.file-name').all())
    assert.ok(await name.evaluate((element) => element.scrollWidth <= element.clientWidth), await name.innerText());
  await context.close();
});

test('the focus ring is whole', async () => {
  const { page, context } = await withSample();
  await view(page, 'Threads');
  await page.locator('.grid-row').nth(5).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.press('Enter');
  const ring = await page.locator('.grid-frame').evaluate((element) => {
    const { borderTopWidth, zIndex } = getComputedStyle(element, '::after');
    return { borderTopWidth, isAbove: Number(zIndex) > 1 };
  });
  assert.deepEqual(ring, { borderTopWidth: '2px', isAbove: true });
  await context.close();
});
