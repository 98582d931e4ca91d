// Takes pictures of the page for docs/screenshots: node tests/browser/screenshots.mjs FOLDER DUMP...
import { writeFileSync } from 'node:fs';
import { launch, openDump, openPage, view } from './harness.mjs';

const [folder, ...files] = process.argv.slice(2);
if (!folder || files.length === 0) throw new Error('screenshots.mjs FOLDER DUMP [KERNEL]');

const browser = await launch();
for (const [name, options] of [
  ['light', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 780 }, deviceScaleFactor: 2 }],
]) {
  const { page, context, problems } = await openPage(browser, { context: options });
  const devtools = await context.newCDPSession(page);
  const shoot = async (what) => {
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
    writeFileSync(`${folder}/${what}-${name}.webp`, Buffer.from(data, 'base64'));
  };
  const rows = async () => {
    await page.locator('.count').getByText(/rows/).waitFor();
    await page.locator('.grid-row').first().waitFor();
  };
  await shoot('start');
  await openDump(page, files);
  await page.locator('.stack li').first().waitFor();
  await page.locator('.log-lines li').first().waitFor();
  await shoot('summary');
  await view(page, 'Processes');
  await page.locator('.grid-row').first().waitFor();
  await page.locator('.grid-row').nth(3).getByRole('gridcell').nth(4).click();
  await page.locator('.details .stack li').first().waitFor();
  await shoot('processes');
  await view(page, 'Threads');
  await rows();
  await shoot('threads');
  await view(page, 'Stacks');
  await page.locator('.thread-stack').first().waitFor();
  await shoot('stacks');
  await view(page, 'Log');
  await page.getByPlaceholder('Search the log').fill('crash');
  await page.locator('.grid-row mark').first().waitFor();
  await shoot('log');
  await view(page, 'Symbols');
  await rows();
  await shoot('symbols');
  await view(page, 'Ranges');
  await rows();
  await shoot('ranges');
  await view(page, 'Memory');
  await page.getByLabel('Address or symbol').fill('init_task');
  await page.getByRole('button', { name: 'Go', exact: true }).click();
  await page.locator('.hex-line').first().waitFor();
  await page.locator('.translation').waitFor();
  await shoot('memory');
  await view(page, 'SQL');
  await page.getByLabel('Examples').selectOption({ label: 'The deepest stacks' });
  await rows();
  await shoot('sql');
  if (name === 'light') {
    await page.getByRole('button', { name: /Go to/ }).click();
    await page.keyboard.type('init_t');
    await page.getByRole('option', { name: /^init_task/ }).waitFor();
    await shoot('palette');
  }
  if (problems.length) console.error(name, problems);
  await context.close();
}
await browser.close();
