// The view SQL with the sample dump: an answer beside the command line's, an error's place, an endless statement, a phone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { allRows, launch, openDump, openPage, sample, view } from './harness.mjs';

const wasmProgram = fileURLToPath(new URL('../../wasm/bin/panicroom.mjs', import.meta.url));

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function inSql(options) {
  const opened = await openPage(browser, options);
  await openDump(opened.page, [sample]);
  await view(opened.page, 'SQL');
  const editor = opened.page.getByRole('textbox', { name: 'SQL' });
  const ask = async (statement) => {
    await editor.fill(statement);
    await editor.press('Control+Enter');
  };
  return { ...opened, editor, ask };
}

test('an answer has the rows that the command line prints, and can be sorted', async () => {
  const { page, context, problems, ask } = await inSql();
  const statement = 'select t.tid, t.state, count(*) as frames, t.address from threads t join frames f using (pid, tid) group by t.address';
  await ask(statement);
  await page.locator('.grid-row').first().waitFor();
  const printed = execFileSync(process.execPath, [wasmProgram, 'sql', statement, sample, '--csv']).toString().trim().split('\r\n').slice(1);
  assert.deepEqual((await allRows(page)).map((row) => row.join()), printed);
  await page.getByRole('grid').evaluate((grid) => grid.scrollTo(0, 0));
  await page.getByRole('button', { name: 'frames' }).click();
  await page.getByRole('button', { name: 'frames' }).click();
  const most = Math.max(...printed.map((line) => Number(line.split(',')[2])));
  await page.locator('.grid-row').first().getByText(String(most), { exact: true }).waitFor();
  await page.locator('.grid-row').first().getByRole('button').click();
  await page.getByRole('main', { name: 'Memory' }).waitFor();
  await page.goBack();
  await page.waitForFunction((text) => document.querySelector('textarea')?.value === text, statement);
  assert.deepEqual(problems, []);
  await context.close();
});

test('errors show the place; a statement of the dump’s texts is text', async () => {
  const { page, context, problems, ask } = await inSql();
  await ask('select pid,\n  nmae from threads');
  await page.getByRole('alert').getByText('no such column: nmae').waitFor();
  assert.equal(await page.locator('.sql-place').textContent(), '  nmae from threads\n  ^');
  await ask("attach 'file.db' as other");
  await page.getByRole('alert').getByText('is refused').waitFor();
  await ask("select '<img src=x onerror=alert(1)>' as \"<b>\"");
  await page.locator('.grid-row').getByText('<img src=x onerror=alert(1)>').waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test('an endless statement is stopped, and the next one answered', async () => {
  const { page, context, problems, editor, ask } = await inSql();
  const endless = 'with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c';
  await ask(endless);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
  await page.waitForFunction((text) => document.querySelector('textarea')?.value === text, endless);
  await ask('select 40 + 2 as sum');
  await page.locator('.grid-row').getByText('42').waitFor();
  assert.equal(await editor.inputValue(), 'select 40 + 2 as sum');
  assert.deepEqual(problems, []);
  await context.close();
});

test('on a phone nothing reaches beyond the screen', async () => {
  const { page, context, problems } = await inSql({ context: { viewport: { width: 390, height: 780 }, colorScheme: 'dark' } });
  await page.getByRole('combobox', { name: 'Examples' }).selectOption({ label: 'Threads by state' });
  await page.locator('.grid-row').first().waitFor();
  await page.getByText('processes', { exact: true }).click();
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector('.sql').scrollWidth]);
  assert.ok(widths.every((width) => width <= 390), String(widths));
  assert.deepEqual(problems, []);
  await context.close();
});
