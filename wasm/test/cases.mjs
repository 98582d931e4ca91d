import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export const cases = process.env.PANICROOM_CASES ?? join(root, '../shared/cases');
export const linuxDump = `${cases}/linux-amd64/vmcore.kdump-zstd`;
export const freebsd = `${cases}/freebsd-amd64`;
export const withoutCases = existsSync(linuxDump) ? false : `no real dumps in ${cases}`;
export const sample = join(root, 'samples/linux/sample.vmcore');
export const nativeProgram = process.env.PANICROOM_NATIVE ?? join(root, 'build/native/native/cli/panicroom');
export const wasmProgram = join(root, 'wasm/bin/panicroom.mjs');

/** A folder that goes away with the test. */
export function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), 'panicroom-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function bunzip2(from, to) {
  execFileSync('sh', ['-c', 'bzip2 -dc -- "$1" > "$2"', 'sh', from, to]);
  return to;
}
