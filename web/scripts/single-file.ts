import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The folder of panicroom.js and panicroom.wasm. */
const engineFolder = process.env['PANICROOM_WASM'] ?? here('../../build/wasm/wasm');
const sampleFile = process.env['PANICROOM_SAMPLE'] ?? here('../../samples/linux/sample.vmcore');

/** The worker with the engine's JavaScript, as one classic script. */
async function workerScript(): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [here('../src/engine/worker.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    alias: { 'panicroom-engine': `${engineFolder}/panicroom.js` },
    // The engine's code for Node stays behind a test that a browser does not pass.
    external: ['module', 'node:*', 'fs', 'path', 'url'],
    define: { 'import.meta.url': 'self.location.href' },
  });
  return result.outputFiles[0]!.contents;
}

const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** A script element's text must hold neither its end tag nor a comment's start. */
const asScript = (code: string) => code.replaceAll('</script', '<\\/script').replaceAll('<!--', '\\x3C!--');

/** Data that the page reads itself; the browser neither runs nor fetches it. */
const embedded = (id: string, bytes: Uint8Array, attributes = '') =>
  `<script type="application/gzip+base64" id="${id}"${attributes}>` +
  `${gzipSync(bytes, { level: 9 }).toString('base64')}</script>\n`;

/** What the page may do; its own script and style alone run, and nothing can be fetched. */
function policy(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${sha256(script)} 'wasm-unsafe-eval'`,
    `style-src ${sha256(style)}`,
    'worker-src blob:',
    'img-src data:',
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** Makes one HTML file of the build, with the engine, its worker and the sample inside. */
export function singleFile(): Plugin {
  return {
    name: 'panicroom-single-file',
    enforce: 'post',
    async generateBundle(_options, bundle) {
      const wasm = `${engineFolder}/panicroom.wasm`;
      if (!existsSync(wasm)) this.error(`${wasm} is missing: build the wasm preset first`);
      let script = '';
      let style = '';
      let html = '';
      for (const [name, item] of Object.entries(bundle)) {
        if (item.type === 'chunk') script += item.code;
        else if (name.endsWith('.css')) style += item.source.toString();
        else if (name.endsWith('.html')) html = item.source.toString();
        else this.error(`${name} cannot be put into the page`);
        delete bundle[name];
      }
      script = asScript(script);
      html = html
        .replace(/\s*<script type="module"[^>]*><\/script>/, '')
        .replace(/\s*<link rel="stylesheet"[^>]*>/, '')
        .replace(
          '<!-- content-security-policy -->',
          () => `<meta http-equiv="Content-Security-Policy" content="${policy(script, style)}" />`,
        )
        .replace('</head>', () => `<style>${style}</style>\n  </head>`);
      let data = embedded('engine-worker', await workerScript()) + embedded('engine-wasm', readFileSync(wasm));
      if (existsSync(sampleFile)) data += embedded('sample', readFileSync(sampleFile), ' data-name="sample.vmcore"');
      else this.warn(`no sample: ${sampleFile} is missing`);
      html = html.replace('</body>', () => `${data}<script type="module">${script}</script>\n</body>`);
      for (const fileName of ['panicroom.html', 'index.html']) this.emitFile({ type: 'asset', fileName, source: html });
    },
  };
}
