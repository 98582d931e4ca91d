// The session as a program uses it, on dumps whose content is known.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeHostile, writeSparseCore } from '../../tests/browser/dumps.mjs';
import { loadEngine, open, openFile, PanicroomError, Session } from '../node.mjs';
import { bunzip2, freebsd, linuxDump, sample, scratch, wasmProgram, withoutCases } from './cases.mjs';

const bound = 256 * 2 ** 20;

function rows(session, table, options = {}) {
  const columns = session.tables().find(({ name }) => name === table).columns.map(({ name }) => name);
  return session
    .query(table, options)
    .rows.map((row) => Object.fromEntries(row.map((cell, index) => [columns[index], cell])));
}

test('a dump larger than 4 GiB: ranges, physical memory at its far end, a hole, the memory bound', async (t) => {
  const path = `${scratch(t)}/big.elf`;
  const { texts } = writeSparseCore(path);
  const session = await open([path]);
  assert.deepEqual(
    rows(session, 'ranges').map(({ start, end, state }) => [start, end, state]),
    [
      ['0x0', '0x1000000', 'present'],
      ['0x1000000', '0x100000000', 'missing'],
      ['0x100000000', '0x105000000', 'present'],
    ],
  );
  for (const { physical, text } of texts) {
    const { bytes, parts } = session.read(`0x${physical.toString(16)}`, 64, { physical: true });
    assert.equal(parts.length, 1);
    assert.equal(Buffer.from(bytes).toString().replace(/\0+$/, ''), text);
  }
  const hole = session.read('0xfff000', 8192, { physical: true });
  assert.deepEqual(
    hole.parts.map(({ address, length, error }) => [address, length, error?.code, error?.absence]),
    [
      ['0xfff000', 4096, undefined, undefined],
      ['0x1000000', 4096, 'not_in_dump', 'hole'],
    ],
  );
  // More blocks than the cache holds.
  for (let at = 0; at < 80 * 2 ** 20; at += 2 ** 20) session.read(String(2 ** 32 + at), 2 ** 20, { physical: true });
  assert.ok((await loadEngine()).HEAPU8.length <= bound);
  session.close();
  assert.throws(() => session.tables(), PanicroomError);
});

test('slices: small where reads are scattered, longer and longer where they follow each other', async (t) => {
  const path = `${scratch(t)}/big.elf`;
  writeSparseCore(path);
  const file = openFile(path);
  const slices = [];
  const watched = { ...file, read: (offset, length) => (slices.push({ offset, length }), file.read(offset, length)) };
  const session = new Session(await loadEngine(), [watched]);
  const start = 2 ** 32;
  const read = (at, length) => session.read(String(start + at), length, { physical: true });
  // Fills the cache with other blocks.
  for (let at = 0; at < 70; at++) read(at * 2 ** 20, 2 ** 20);
  session.read('0', 2 ** 20, { physical: true });
  slices.length = 0;
  for (let index = 0; index < 8; index++) session.read(String(((index * 5) % 8) * 2 ** 20 + 2 ** 22), 8, { physical: true });
  assert.ok(slices.length > 4 && slices.every(({ length }) => length === 65536), 'scattered reads take one unit each');
  slices.length = 0;
  for (let at = 0; at < 64; at++) read(at * 2 ** 20, 2 ** 20);
  assert.ok(slices.length <= 16, `64 MiB in sequence took ${slices.length} slices`);
  assert.equal(Math.max(...slices.map(({ length }) => length)), 16 * 2 ** 20);
  slices.length = 0;
  read(64 * 2 ** 20 - 4096, 4096);
  assert.deepEqual(slices, [], 'what was just read is still here');
  session.close();
  file.close();
});

test('a reader that fails is an io error with its words, and the session lives on', async (t) => {
  const path = `${scratch(t)}/big.elf`;
  writeSparseCore(path);
  const file = openFile(path);
  let broken = false;
  const session = new Session(await loadEngine(), [
    {
      ...file,
      read(offset, length) {
        if (broken) throw new Error('the disk is gone');
        return file.read(offset, length);
      },
    },
  ]);
  broken = true;
  const { parts } = session.read('0x800000', 16, { physical: true });
  assert.equal(parts[0].error.code, 'io');
  assert.match(parts[0].error.text, /the disk is gone/);
  broken = false;
  assert.equal(session.read('0x800000', 16, { physical: true }).parts[0].error, undefined);
  session.close();
  file.close();
});

test('progress is told in bytes and can stop an opening', async (t) => {
  const path = `${scratch(t)}/big.elf`;
  const { size } = writeSparseCore(path);
  const told = [];
  (await open([path], { onProgress: (progress) => void told.push(progress) })).close();
  assert.ok(told.length > 0 && told.every((one) => one.file === path && one.size === size));
  assert.ok(told.at(-1).bytesRead < 2 ** 27, 'opening reads what the file maps at most');
  await assert.rejects(open([path], { onProgress: () => false }), /stopped by the user/);
});

test('files that lie are errors with a code and a sentence', async (t) => {
  for (const { name, path } of writeHostile(scratch(t))) {
    const start = performance.now();
    try {
      const session = await open([path]);
      for (const { name: table } of session.tables()) {
        try {
          session.query(table, { limit: 100 });
        } catch (error) {
          assert.ok(error instanceof PanicroomError, `${name}, ${table}: ${error}`);
        }
      }
      session.close();
    } catch (error) {
      assert.ok(error instanceof PanicroomError, `${name}: ${error}`);
      assert.ok(error.message.length > 15 && error.sentence.length > 15, name);
    }
    assert.ok(performance.now() - start < 5000, name);
  }
});

test('requests that make no sense are refused', async (t) => {
  const path = `${scratch(t)}/big.elf`;
  writeSparseCore(path);
  const session = await open([path]);
  const invalid = { name: 'PanicroomError', code: 'invalid' };
  assert.throws(() => session.query('no such table'), invalid);
  assert.throws(() => session.query('ranges', { sort: [{ column: 'nothing' }] }), invalid);
  assert.throws(() => session.query('ranges', { columns: { nothing: 'x' } }), invalid);
  assert.throws(() => session.read('0', 2 ** 21, { physical: true }), invalid);
  assert.throws(() => session.read('0', NaN, { physical: true }), invalid);
  assert.throws(() => session.resolve('12 monkeys+x'), invalid);
  assert.deepEqual(session.query('ranges', { offset: 1e12, limit: 5 }).rows, []);
  session.close();
});

test('windows of a table: filter, sort, offset and limit', { skip: withoutCases }, async () => {
  const session = await open([linuxDump]);
  assert.equal(session.kernelError, null);
  const all = rows(session, 'threads');
  const { total, matched } = session.query('threads', { filter: 'WORKER' });
  assert.equal(total, all.length);
  const byHand = all.filter((row) => Object.values(row).some((cell) => String(cell).toLowerCase().includes('worker')));
  assert.ok(byHand.length > 1);
  assert.equal(matched, byHand.length);
  const sorted = rows(session, 'threads', { sort: [{ column: 'tid', descending: true }] });
  assert.deepEqual(
    sorted.map(({ tid }) => tid),
    all.map(({ tid }) => tid).sort((a, b) => b - a),
  );
  assert.deepEqual(
    rows(session, 'threads', { sort: [{ column: 'tid', descending: true }], offset: 3, limit: 4 }),
    sorted.slice(3, 7),
  );
  // cpu is null for most threads: null comes last, in either direction.
  for (const descending of [false, true]) {
    const cpus = rows(session, 'threads', { sort: [{ column: 'cpu', descending }] }).map(({ cpu }) => cpu);
    assert.notEqual(cpus[0], null);
    assert.equal(cpus.at(-1), null);
  }
  assert.deepEqual(
    rows(session, 'processes', { columns: { name: 'kthreadd' } }).map(({ pid }) => pid),
    [2],
  );
  session.close();
});

test('a table is written as the command line prints it', { skip: withoutCases }, async () => {
  const session = await open([linuxDump]);
  const printed = (...args) => execFileSync(process.execPath, [wasmProgram, ...args, linuxDump], { maxBuffer: 2 ** 28 }).toString();
  const written = (...args) => Buffer.from(session.write(...args)).toString();
  for (const table of ['dump', 'threads', 'symbols', 'log'])
    for (const form of ['json', 'csv']) assert.equal(written(table, {}, form), printed('table', table, `--${form}`), `${table} ${form}`);
  const selection = { filter: 'worker', sort: [{ column: 'tid', descending: true }], offset: 2, limit: 3 };
  assert.deepEqual(
    JSON.parse(written('threads', selection)).rows.map(({ tid }) => tid),
    rows(session, 'threads', selection).map(({ tid }) => tid),
  );
  assert.equal(written('threads', selection, 'csv').split('\r\n').length, 1 + 3 + 1);
  session.close();
});

test('the place of a row is found in any order', { skip: withoutCases }, async () => {
  const session = await open([linuxDump]);
  for (const options of [{}, { sort: [{ column: 'name' }] }, { filter: 'k' }]) {
    const place = session.find('processes', options, 'name', 'kthreadd');
    assert.equal(rows(session, 'processes', options)[place].name, 'kthreadd');
  }
  assert.equal(session.find('processes', {}, 'name', 'no such name'), null);
  assert.throws(() => session.find('processes', {}, 'nothing', 'x'), { code: 'invalid' });
  session.close();
});

test('memory of the Linux dump: bytes, symbols, steps, an excluded page', { skip: withoutCases }, async () => {
  const session = await open([linuxDump]);
  const uname = /Linux version (\S+)/.exec(readFileSync(linuxDump.replace('vmcore.kdump-zstd', 'guest.txt'), 'utf8'));
  const banner = session.read('linux_banner', 32);
  assert.match(Buffer.from(banner.bytes).toString(), uname ? new RegExp(uname[1]) : /Linux version 6\.1\.0/);
  assert.equal(session.symbolAt(banner.address).name, 'linux_banner');
  assert.equal(session.resolve('linux_banner+0x10').address, `0x${(BigInt(banner.address) + 16n).toString(16)}`);
  const { steps, translation, location, error } = session.translate('linux_banner');
  assert.equal(error, null);
  assert.ok(steps.length >= 1);
  assert.ok(location.present && location.file_offset > 0);
  assert.match(translation.physical, /^0x[0-9a-f]+$/);
  const physical = session.read(translation.physical, 32, { physical: true });
  assert.deepEqual(physical.bytes, banner.bytes);
  assert.throws(() => session.resolve('no_such_symbol_here'), { code: 'no_symbol' });
  const excluded = rows(session, 'ranges').find(({ state }) => state === 'excluded');
  const { parts } = session.read(excluded.start, 4096, { physical: true });
  assert.equal(parts[0].error.code, 'not_in_dump');
  assert.equal(parts[0].error.absence, 'excluded');
  assert.ok((await loadEngine()).HEAPU8.length <= bound);
  session.close();
});

test('the FreeBSD minidump and its kernel in any order', { skip: withoutCases }, async (t) => {
  const dump = bunzip2(`${freebsd}/vmcore-amd64-minidump.bz2`, `${scratch(t)}/vmcore`);
  const truth = JSON.parse(readFileSync(`${freebsd}/truth.json`, 'utf8'))['amd64-minidump'];
  for (const files of [
    [dump, `${freebsd}/kernel.zst`],
    [`${freebsd}/kernel.zst`, dump],
  ]) {
    const session = await open(files);
    const threads = rows(session, 'threads');
    assert.deepEqual(
      threads.map(({ pid, tid, address }) => `${pid} ${tid} ${address}`).sort(),
      truth.threads.map(({ pid, tid, td }) => `${pid} ${tid} ${td}`).sort(),
    );
    const { parts } = session.read('0xfffff800000a0000', 4096);
    assert.equal(parts[0].error.code, 'not_in_dump');
    session.close();
  }
  await assert.rejects(open([`${freebsd}/kernel.zst`]), { code: 'invalid' });
});

test('SQL: an answer is a table until the next, errors have their place, a statement can be stopped', async () => {
  const session = await open([sample]);
  const states = new Map();
  for (const { state } of rows(session, 'threads')) states.set(state, (states.get(state) ?? 0) + 1);
  const answer = session.sql('select state, count(*) as n, min(address) as low from threads group by state');
  assert.deepEqual(
    answer.columns.map(({ name, type }) => [name, type]),
    [['state', 'text'], ['n', 'integer'], ['low', 'integer']],
  );
  assert.deepEqual(new Map(answer.rows.map(([state, n]) => [state, n])), states);
  assert.ok(answer.rows.every(([, , low]) => BigInt(low) < 0n)); // a kernel address, computed with
  const sorted = session.query(answer.table, { sort: [{ column: 'n', descending: true }], limit: 1 });
  assert.equal(sorted.rows[0][1], Math.max(...states.values()));
  assert.equal(session.query(answer.table, { filter: 'idle' }).matched, 1);
  assert.match(Buffer.from(session.write(answer.table, {}, 'csv')).toString(), /^state,n,low\r\n/);
  assert.equal(session.find(answer.table, {}, 'state', answer.rows[1][0]), 1);

  const { rows: some, total } = session.sql('select pid, address, crashed from threads; ', { limit: 2 });
  assert.equal(some.length, 2);
  assert.ok(total > 100);
  assert.match(some[0][1], /^0xffff/);
  assert.equal(some[0][2], false);
  assert.throws(() => session.query(answer.table), { code: 'invalid' });

  assert.throws(() => session.sql("select '\u{1f600}' ; select nmae from threads"), { place: 21, code: 'invalid', message: 'no such column: nmae' });
  assert.throws(() => session.sql("attach 'x' as y"), /is refused/);
  let questions = 0;
  assert.throws(
    () => session.sql('with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c', { goOn: () => ++questions < 10 }),
    /stopped/,
  );
  assert.throws(
    () => session.sql('with recursive c(x) as (select 1 union all select x + 1 from c) select x, zeroblob(9999) from c order by -x'),
    { code: 'unsupported', message: /more than 48 MiB/ },
  );
  const many = session.sql('with recursive c(x) as (select 1 union all select x + 1 from c limit 1000000) select x, x, x from c', { limit: 1 });
  assert.match(many.notes.at(-1).text, /only the first [0-9]+ rows/);
  assert.deepEqual(many.columns.map(({ name }) => name), ['x', 'x:1', 'x:2']);
  assert.ok((await loadEngine()).HEAPU8.length <= bound);
  assert.equal(session.sql('create temp table t as select 1 as a').columns.length, 0);
  assert.deepEqual(session.sql('select a from t').rows, [[1]]);
  const numbers = session.sql('select hex(random()) as a, hex(random()) as b').rows[0];
  assert.notEqual(numbers[0], numbers[1]);
  assert.equal(session.sql("select strftime('%Y', 'now') as year").rows[0][0], String(new Date().getUTCFullYear()));
  session.close();
});
