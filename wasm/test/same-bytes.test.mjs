// One engine, two builds: for the same input both print the same bytes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeHostile, writeSparseCore } from '../../tests/browser/dumps.mjs';
import { bunzip2, freebsd, linuxDump, nativeProgram, sample, scratch, wasmProgram, withoutCases } from './cases.mjs';

const withoutNative = existsSync(nativeProgram) ? false : `${nativeProgram} is not built`;

const options = { maxBuffer: 2 ** 28, env: { PATH: process.env.PATH, PANICROOM_WASM: process.env.PANICROOM_WASM } };
const environment = Object.fromEntries(Object.entries(options.env).filter(([, value]) => value !== undefined));

function run(program, args, input = '') {
  const [command, ...front] = program.endsWith('.mjs') ? [process.execPath, program] : [program];
  const { status, stdout, stderr } = spawnSync(command, [...front, ...args], { ...options, env: environment, input });
  return { status, stdout: stdout.toString('latin1'), stderr: stderr.toString() };
}

/** Where two texts part, so that a difference can be read. */
function firstDifference(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `at byte ${at}: native ${JSON.stringify(a.slice(at, at + 120))}, wasm ${JSON.stringify(b.slice(at, at + 120))}`;
}

function same(args, input) {
  const native = run(nativeProgram, args, input);
  const wasm = run(wasmProgram, args, input);
  const what = args.join(' ');
  assert.ok(native.stdout === wasm.stdout, `${what}: ${firstDifference(native.stdout, wasm.stdout)}`);
  assert.equal(wasm.stderr, native.stderr, what);
  assert.equal(wasm.status, native.status, what);
  return native;
}

const commands = [
  ['info'],
  ['info', '--json'],
  ['ps', '--json'],
  ['ps'],
  ['threads', '--json'],
  ['stack'],
  ['stack', '--json'],
  ['log', '--json'],
  ['ranges', '--csv'],
  ['table', 'regions'],
];
const kernelCommands = [
  ['symbols', '--json'],
  ['read', 'linux_banner', '64'],
  ['translate', 'linux_banner'],
];

test('commands without a dump', { skip: withoutNative }, () => {
  for (const args of [['--help'], ['ps', '--help'], ['formats'], ['tables', '--json'], ['version'], ['no-such-command'], ['completion', 'bash']])
    same(args);
});

test('the real Linux dump', { skip: withoutNative || withoutCases }, () => {
  for (const command of [...commands, ...kernelCommands]) same([...command, linuxDump]);
  assert.equal(run(wasmProgram, ['ps', linuxDump, '--json']).status, 0);
});

test('the sample', { skip: withoutNative || (existsSync(sample) ? false : 'no sample yet') }, () => {
  for (const command of [...commands, ...kernelCommands]) same([...command, sample]);
});

const statements = [
  'select * from threads',
  'select state, count(*) as n, min(address), hex(max(address)) from threads group by state order by n desc',
  'select t.tid, count(*) from threads t join frames f using (pid, tid) group by t.tid order by 2 desc, 1',
  "select name, symbol(address + 1) from symbols where address = address('init_task')",
  'select pid, arguments, environment from processes where pid in (1, 2)',
  "select sqrt(2), format('%#x', -1), json_extract('{\"a\":[1.5]}', '$.a'), 1e999, 9e300, x'00ff', soundex('x')",
  'select pid, row_number() over (order by name desc) from processes limit 5',
  "select upper(name), name like '%A%', name glob '*a*' from modules",
  'select pdi from processes',
  'select 1; select',
  "attach 'x' as y",
  'vacuum into "x"',
  'create table x(a)',
  'insert into threads values (1)',
  'select * from dbstat',
  'select fts5(1)',
  'pragma journal_mode',
  '.schema',
  '.tables',
];

test('SQL, as an argument and of standard input', { skip: withoutNative || !existsSync(sample) }, () => {
  for (const statement of statements) for (const form of [[], ['--json'], ['--csv']]) same(['sql', statement + ' ', sample, ...form]);
  const native = same(['sql', sample], `${statements.slice(0, 8).join(';\n')}; .mode csv\n.mode csv\nselect 'a\nb' as "\u00e9\u0007"`);
  assert.equal(native.status, 1);
  assert.equal(same(['sql', sample], '.mode csv\nselect 1 as one;\nselect 2 as two').stdout, 'one\r\n1\r\ntwo\r\n2\r\n');
});

test('the real FreeBSD dumps', { skip: withoutNative || withoutCases }, (t) => {
  const folder = scratch(t);
  for (const kind of ['minidump', 'full']) {
    const dump = bunzip2(`${freebsd}/vmcore-amd64-${kind}.bz2`, `${folder}/${kind}`);
    for (const command of [...commands, ['symbols', '--json']]) same([...command, dump, `${freebsd}/kernel.zst`]);
    same(['info', dump]);
  }
});

test('files that lie, files that are missing, a sparse dump', { skip: withoutNative }, (t) => {
  const folder = scratch(t);
  for (const { path } of writeHostile(folder)) for (const command of [['info', '--json'], ['ps'], ['ranges']]) same([...command, path]);
  writeSparseCore(`${folder}/big`);
  for (const command of commands) same([...command, `${folder}/big`]);
  for (const path of [`${folder}/none`, folder, '/dev/null']) same(['info', path]);
});

const fixtures = process.env.PANICROOM_FIXTURES;
test('every fixture of the foundry', { skip: withoutNative || (fixtures ? false : 'PANICROOM_FIXTURES is not set') }, () => {
  // NAME.FORM, NAME.FORM.partN of a split set; NAME.kernel and such with types, NAME.answers.json are no dumps.
  const files = readdirSync(fixtures).sort();
  const dumps = new Map();
  for (const file of files) {
    const name = file.replace(/\.part\d+$/, '');
    dumps.set(name, [...(dumps.get(name) ?? []), file]);
  }
  assert.ok(dumps.size > 0);
  for (const [name, parts] of dumps) {
    if (/\.(kernel(-.*)?|answers\.json)$/.test(name)) continue;
    const kernel = `${name.split('.')[0]}.kernel`;
    const operands = [...parts, ...(files.includes(kernel) ? [kernel] : [])].map((file) => join(fixtures, file));
    // tests/foundry/answers.py asks for processes, threads and the log.
    for (const command of [['info', '--json'], ['stack'], ['ranges', '--json']]) same([...command, ...operands]);
  }
});
