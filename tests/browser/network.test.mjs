// Nothing leaves the machine: no request in normal use, and every attempt to make one is refused.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openDump, openPage, scratch, serve, view } from './harness.mjs';
import { writeSparseCore } from './dumps.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a session makes no request after the page itself', async (t) => {
  const server = await serve(t);
  const { page, context, problems } = await openPage(browser, { url: server.url });
  const requests = [];
  context.on('request', (request) => requests.push(request.url()));
  const path = `${scratch(t)}/vmcore`;
  writeSparseCore(path);
  await openDump(page, [path]);
  for (const name of ['Processes', 'Log', 'Memory', 'Ranges', 'Summary']) await view(page, name);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('ranges');
  await page.keyboard.press('Enter');
  await page.getByRole('grid').waitFor();
  // The worker's own script is made in the page and comes from no server.
  assert.deepEqual(requests.filter((url) => !url.startsWith('blob:')), []);
  assert.deepEqual(server.asked.filter((line) => line !== 'GET /panicroom.html'), []);
  assert.deepEqual(problems, []);
  await context.close();
});

test('every way to make a request is refused', async (t) => {
  const page_server = await serve(t);
  const other = await serve(t);
  const { page, context } = await openPage(browser, { url: page_server.url });
  const attempts = await page.evaluate(async (targets) => {
    const refused = [];
    document.addEventListener('securitypolicyviolation', (event) => refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
    const results = {};
    const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const settled = (start) =>
      new Promise((resolve) => {
        start(() => resolve('made'), () => resolve('refused'));
        setTimeout(() => resolve('silent'), 1500);
      });
    for (const base of targets) {
      const key = (name) => `${name} ${base === location.origin ? 'to itself' : 'to another'}`;
      results[key('fetch')] = await fetch(`${base}/fetch`, { mode: 'no-cors' }).then(() => 'made', () => 'refused');
      results[key('XMLHttpRequest')] = await settled((made, refuse) => {
        const request = new XMLHttpRequest();
        request.onload = made;
        request.onerror = refuse;
        request.open('POST', `${base}/xhr`);
        request.send('dump');
      });
      results[key('WebSocket')] = await settled((made, refuse) => {
        try {
          const socket = new WebSocket(base.replace('http', 'ws') + '/socket');
          socket.onopen = made;
          socket.onerror = refuse;
        } catch {
          refuse();
        }
      });
      results[key('EventSource')] = await settled((made, refuse) => {
        const source = new EventSource(`${base}/events`);
        source.onopen = made;
        source.onerror = () => (source.close(), refuse());
      });
      navigator.sendBeacon(`${base}/beacon`, 'dump');
      const elements = { img: 'src', script: 'src', iframe: 'src', embed: 'src', object: 'data', video: 'src', audio: 'src' };
      for (const [name, attribute] of Object.entries(elements)) {
        const element = document.createElement(name);
        element[attribute] = `${base}/${name}`;
        document.body.append(element);
      }
      for (const rel of ['stylesheet', 'prefetch', 'preload', 'icon', 'manifest', 'modulepreload']) {
        const link = document.createElement('link');
        Object.assign(link, { rel, href: `${base}/link-${rel}` });
        if (rel === 'preload') link.as = 'fetch';
        document.head.append(link);
      }
      const style = document.createElement('style');
      style.textContent = `@import url(${base}/import); body { background: url(${base}/background) }`;
      document.head.append(style);
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action: `${base}/form`, target: 'nowhere' });
      document.body.append(form);
      form.submit();
      results[key('import')] = await import(`${base}/module.js`).then(() => 'made', () => 'refused');
      const source = `fetch('${base}/worker-fetch', {mode: 'no-cors'}).then(() => postMessage('made'), () => {
        try { importScripts('${base}/worker-script'); postMessage('made') } catch { postMessage('refused') } })`;
      results[key('worker')] = await settled((made, refuse) => {
        const worker = new Worker(URL.createObjectURL(new Blob([source])));
        worker.onmessage = ({ data }) => (data === 'made' ? made() : refuse());
        worker.onerror = refuse;
      });
      results[key('eval')] = (() => {
        try {
          return new Function('return "made"')();
        } catch {
          return 'refused';
        }
      })();
    }
    await wait(1000);
    return { results, refused };
  }, [page_server.origin, other.origin]);
  for (const [name, result] of Object.entries(attempts.results)) assert.equal(result, 'refused', name);
  for (const directive of ['connect-src', 'img-src', 'script-src-elem', 'style-src-elem', 'frame-src', 'object-src', 'media-src', 'form-action'])
    assert.ok(attempts.refused.some((line) => line.startsWith(directive)), `${directive} was refused: ${attempts.refused.join(', ')}`);
  assert.deepEqual(other.asked, []);
  // The browser itself asks for an icon where a page has none; this one has its own.
  assert.deepEqual(page_server.asked, ['GET /panicroom.html']);
  await context.close();
});

test('the page says its own policy and how to check it', async () => {
  const { page, context } = await openPage(browser);
  await page.getByRole('button', { name: 'How to check' }).click();
  const dialog = page.getByRole('dialog', { name: 'Nothing leaves this machine' });
  const text = await dialog.innerText();
  assert.match(text, /default-src 'none'/);
  assert.match(text, /connect-src 'none'/);
  assert.match(text, /script-src 'sha256-[A-Za-z0-9+/=]+' 'wasm-unsafe-eval'/);
  assert.doesNotMatch(text, /unsafe-inline|'unsafe-eval'|https?:|\*/);
  await context.close();
});

test('without a network it works from a file', async (t) => {
  const { page, context, problems } = await openPage(browser);
  await context.setOffline(true);
  const path = `${scratch(t)}/vmcore`;
  writeSparseCore(path);
  await openDump(page, [path]);
  assert.deepEqual(problems, []);
  await context.close();
});
