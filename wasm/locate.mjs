import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The path of panicroom.js or panicroom.wasm: where PANICROOM_WASM says, beside this file in an
 * installed package, or in the checkout's build folder.
 */
export function builtEngine(name) {
  const here = (folder) => fileURLToPath(new URL(folder, import.meta.url));
  const folders = process.env.PANICROOM_WASM
    ? [process.env.PANICROOM_WASM + '/']
    : [here('dist/'), here('../build/wasm/wasm/')];
  const found = folders.map((folder) => folder + name).find((path) => existsSync(path));
  if (!found) throw new Error(`${name} is not built: looked in ${folders.join(' and ')}`);
  return found;
}
