// A dump beyond 4 GiB, files that lie, and what stays of them.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { writeHostile, writeSparseCore } from './dumps.mjs';
import { allRows, launch, openDump, openPage, sample, scratch, view } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a sparse dump larger than 4 GiB opens and is read at its far end', async (t) => {
  const path = `${scratch(t)}/big.elf`;
  const { texts, size } = writeSparseCore(path);
  assert.ok(size > 2 ** 32);
  const { page, context, problems } = await openPage(browser);
  const milliseconds = await openDump(page, [path]);
  t.diagnostic(`first answer after ${Math.round(milliseconds)} ms`);
  await view(page, 'Ranges');
  await page.getByRole('grid').waitFor();
  const ranges = (await allRows(page)).map(([start, end, , state]) => [start, end, state]);
  assert.deepEqual(ranges, [
    ['0x0', '0x1000000', 'present'],
    ['0x1000000', '0x100000000', 'missing'],
    ['0x100000000', '0x105000000', 'present'],
  ]);
  await view(page, 'Memory');
  await page.getByLabel('Address space').selectOption('physical');
  for (const { physical, text } of texts) {
    await page.getByLabel('Address or symbol').fill(`0x${physical.toString(16)}`);
    await page.getByRole('button', { name: 'Go', exact: true }).click();
    await page.getByText(text.slice(0, 16), { exact: false }).waitFor();
  }
  await page.getByLabel('Address or symbol').fill('0x2000000');
  await page.getByRole('button', { name: 'Go', exact: true }).click();
  await page.locator('.hole').first().waitFor();
  assert.equal(await page.locator('.hex-line').count(), 0, 'a hole shows no bytes');
  assert.deepEqual(problems, []);
  await context.close();
});

test('a file that lies gets a readable answer within 5 seconds', async (t) => {
  const files = writeHostile(scratch(t));
  const { page, context, problems } = await openPage(browser);
  let alerted = false;
  page.on('dialog', (dialog) => {
    alerted = true;
    void dialog.dismiss();
  });
  for (const { name, path } of files) {
    const start = performance.now();
    await page.getByTestId('files').setInputFiles([path]);
    const failure = page.locator('.start .failure');
    await failure.or(page.locator('.verdict h1')).first().waitFor({ timeout: 5000 });
    assert.ok(performance.now() - start < 5000, name);
    if (await page.locator('.verdict h1').count()) {
      assert.ok((await page.locator('.failure, .notes').count()) > 0, `${name}: opened without a remark`);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
    } else {
      const text = await failure.innerText();
      assert.doesNotMatch(text, /the engine stopped|undefined|\[object/, name);
      assert.ok(text.length > 40, `${name}: ${text}`);
    }
    await page.getByText('Drop the dump here').waitFor();
  }
  assert.equal(alerted, false);
  assert.deepEqual(problems, []);
  await context.close();
});

test('after a failure the next file opens', async (t) => {
  const folder = scratch(t);
  const [{ path: broken }] = writeHostile(folder).slice(2);
  const good = `${folder}/vmcore`;
  writeSparseCore(good);
  const { page, context } = await openPage(browser);
  await page.getByTestId('files').setInputFiles([broken]);
  await page.locator('.start .failure').waitFor();
  await openDump(page, [good]);
  await context.close();
});

test('the sample is one click away', { skip: existsSync(sample) ? false : `${sample} is missing` }, async () => {
  const { page, context, problems } = await openPage(browser);
  const start = performance.now();
  await page.getByRole('button', { name: 'Open the sample dump' }).click();
  await page.locator('.verdict h1').waitFor();
  assert.ok(performance.now() - start < 2000);
  assert.match(await page.locator('.verdict').innerText(), /Linux/);
  await page.locator('.stack').getByText('sysrq_handle_crash').first().waitFor();
  await view(page, 'Processes');
  await page.locator('.grid-row').getByText('kthreadd').first().waitFor();
  await view(page, 'Log');
  await page.locator('.grid-row').getByText('Linux version').first().waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});
