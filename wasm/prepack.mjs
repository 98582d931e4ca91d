// Puts the built engine beside the package's own files, where a published package looks for it.
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtEngine } from './locate.mjs';

const dist = fileURLToPath(new URL('dist/', import.meta.url));
mkdirSync(dist, { recursive: true });
for (const name of ['panicroom.js', 'panicroom.wasm']) {
  const from = builtEngine(name);
  if (from !== dist + name) copyFileSync(from, dist + name);
}
