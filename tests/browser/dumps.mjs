// Small and odd ELF cores, written here so that their truth is known.
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';

const headerSize = 64;
const segmentSize = 56;

/** An x86-64 ELF core's headers; segments are `{offset, physical, size}` in bytes (bigint). */
export function elfCore(segments, changes = {}) {
  const buffer = Buffer.alloc(headerSize + segments.length * segmentSize);
  buffer.write('\x7fELF', 0, 'latin1');
  buffer.set([2, 1, 1], 4);
  buffer.writeUInt16LE(4, 16);
  buffer.writeUInt16LE(62, 18);
  buffer.writeUInt32LE(1, 20);
  buffer.writeBigUInt64LE(BigInt(headerSize), 32);
  buffer.writeUInt16LE(headerSize, 52);
  buffer.writeUInt16LE(segmentSize, 54);
  buffer.writeUInt16LE(changes.count ?? segments.length, 56);
  segments.forEach(({ offset, physical, size }, index) => {
    const at = headerSize + index * segmentSize;
    buffer.writeUInt32LE(1, at);
    buffer.writeUInt32LE(7, at + 4);
    buffer.writeBigUInt64LE(offset, at + 8);
    buffer.writeBigUInt64LE(BigInt.asUintN(64, 0xffff888000000000n + physical), at + 16);
    buffer.writeBigUInt64LE(physical, at + 24);
    buffer.writeBigUInt64LE(size, at + 32);
    buffer.writeBigUInt64LE(size, at + 40);
  });
  return buffer;
}

const mib = 1n << 20n;
const gib = 1n << 30n;

/**
 * A sparse core of 6 GiB: RAM from 0 to 16 MiB, and 80 MiB from 4 GiB that lie at the file's far end, with
 * a text near the start and one near the end. Answers the texts' physical addresses.
 */
export function writeSparseCore(path) {
  const size = 6n * gib;
  const segments = [
    { offset: 4096n, physical: 0n, size: 16n * mib },
    { offset: size - 80n * mib, physical: 4n * gib, size: 80n * mib },
  ];
  const texts = [
    { physical: 0x1000n, text: 'at the start of memory' },
    { physical: 4n * gib + 80n * mib - 0x2000n, text: 'beyond four gibibytes' },
  ];
  const file = openSync(path, 'w');
  writeSync(file, elfCore(segments));
  ftruncateSync(file, Number(size));
  for (const { physical, text } of texts) {
    const segment = segments.find((one) => physical >= one.physical && physical < one.physical + one.size);
    writeSync(file, Buffer.from(text), 0, text.length, Number(segment.offset + physical - segment.physical));
  }
  closeSync(file);
  return { texts, size: Number(size) };
}

/** Files that lie: name and content. */
export function hostileFiles() {
  const random = Buffer.alloc(100_000);
  for (let index = 0, state = 1; index < random.length; index++) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    random[index] = state >> 16;
  }
  const kdump = Buffer.alloc(8192, 0xff);
  kdump.write('KDUMP   ', 0, 'latin1');
  const overlapping = Array.from({ length: 400 }, () => ({ offset: 0n, physical: 0n, size: 1n << 62n }));
  return [
    { name: 'empty', bytes: Buffer.alloc(0) },
    { name: 'one-byte', bytes: Buffer.from([0x7f]) },
    { name: 'random', bytes: random },
    { name: 'elf-cut', bytes: elfCore([{ offset: 4096n, physical: 0n, size: gib }]).subarray(0, 70) },
    { name: 'elf-counts-too-much', bytes: elfCore([{ offset: 4096n, physical: 0n, size: gib }], { count: 60000 }) },
    { name: 'elf-overlaps', bytes: elfCore(overlapping) },
    { name: 'elf-far-away', bytes: elfCore([{ offset: (1n << 64n) - 4096n, physical: (1n << 63n) - 4096n, size: 1n << 63n }]) },
    { name: 'kdump-of-ones', bytes: kdump },
    { name: 'minidump-of-ones', bytes: Buffer.concat([Buffer.from('minidump FreeBSD/amd64\0\0', 'latin1'), Buffer.alloc(8192, 0xff)]) },
    { name: '<img src=x onerror=alert(1)>', bytes: random },
  ];
}

export function writeHostile(folder) {
  return hostileFiles().map(({ name, bytes }, index) => {
    // A slash cannot be in a file's name; markup can.
    const path = `${folder}/${index}-${name.replaceAll('/', '')}`;
    writeFileSync(path, bytes);
    return { name, path };
  });
}
