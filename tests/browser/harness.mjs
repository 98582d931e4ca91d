// Drives the built page in headless Chromium.
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(join(root, 'web/package.json'));
const { chromium } = require('playwright-core');

export const pageFile = join(root, 'web/dist/panicroom.html');
export const pageUrl = pathToFileURL(pageFile).href;
export const axeScript = () => require('axe-core').source;

/** Real dumps with their truth, where they are. */
export const cases = process.env.PANICROOM_CASES ?? join(root, '../shared/cases');
export const sample = join(root, 'samples/linux/sample.vmcore');

export function requireBuiltPage() {
  if (!existsSync(pageFile)) throw new Error(`${pageFile} is missing: npm run build --prefix web`);
}

export function launch() {
  requireBuiltPage();
  return chromium.launch({
    executablePath: process.env.PANICROOM_CHROMIUM ?? '/usr/bin/chromium',
    // Tests of a container run as root, where Chromium has no sandbox.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/** A page whose errors fail the test that opened it. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options.context });
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  await page.goto(options.url ?? pageUrl);
  return { page, context, problems };
}

/** Gives the files to the page and waits for the first answer; its milliseconds. */
export async function openDump(page, paths) {
  const start = performance.now();
  await page.getByTestId('files').setInputFiles(paths);
  await page.locator('.verdict h1').waitFor({ timeout: 30_000 });
  return performance.now() - start;
}

export const view = (page, name) => page.getByRole('link', { name, exact: true }).click();

/** The cells of the rows that are in the page. */
export const shownRows = (page) =>
  page.locator('.grid-body [role=row]').evaluateAll((rows) =>
    rows.map((row) => [...row.querySelectorAll('[role=gridcell]')].map((cell) => cell.textContent)),
  );

/** Every row of the shown table by scrolling through it. */
export async function allRows(page) {
  const scroller = page.getByRole('grid');
  const wanted = Number(await scroller.getAttribute('aria-rowcount')) - 1;
  const rows = new Map();
  for (let top = 0; rows.size < wanted && top < wanted * 400; top += 300) {
    await scroller.evaluate((element, to) => (element.scrollTop = to), top);
    await page.waitForFunction(() => ![...document.querySelectorAll('.grid-body [role=gridcell]')].some((c) => c.textContent === '…'));
    const found = await page.locator('.grid-body [role=row]').evaluateAll((elements) =>
      elements.map((row) => [
        Number(row.getAttribute('aria-rowindex')),
        [...row.querySelectorAll('[role=gridcell]')].map((cell) => cell.textContent),
      ]),
    );
    for (const [index, cells] of found) rows.set(index, cells);
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, cells]) => cells);
}

/** Lets files go over the page, as a user's drag does. */
export const dropFiles = (page, paths) =>
  page.evaluate((files) => {
    const dataTransfer = new DataTransfer();
    for (const { name, base64 } of files)
      dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name));
    for (const type of ['dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, paths.map((path) => ({ name: basename(path), base64: readFileSync(path).toString('base64') })));

/** A folder that goes away with the test. */
export function scratch(t) {
  const folder = mkdtempSync(join(process.env.PANICROOM_SCRATCH ?? tmpdir(), 'panicroom-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function bunzip2(from, to) {
  execFileSync('sh', ['-c', 'bzip2 -dc -- "$1" > "$2"', 'sh', from, to]);
  return to;
}

/** Serves the page alone and writes down everything that it is asked. */
export async function serve(t) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url !== '/panicroom.html') {
      response.writeHead(204, { 'access-control-allow-origin': '*' }).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    createReadStream(pageFile).pipe(response);
  });
  server.on('upgrade', (request, socket) => {
    asked.push(`UPGRADE ${request.url}`);
    socket.destroy();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, asked, url: `${origin}/panicroom.html` };
}
