import { describe, expect, it } from 'vitest';
import type { Absence, Failure } from '../engine/protocol';
import { advice, type Place } from './advice';

const failure = (code: Failure['code'], text: string, absence: Absence | null = null): Failure => ({
  code, absence, text, sentence: '', address: null, offset: null,
});
const linux: Place = { open: true, system: 'Linux', incomplete: false };
const freebsd: Place = { open: true, system: 'FreeBSD', incomplete: false };

describe('what to do about an error fits what the engine says', () => {
  it('an empty file is not one that is packed', () => {
    const hint = advice(failure('unsupported', 'vmcore: the file is empty'));
    expect(hint).toContain('copy it again');
    expect(hint).not.toMatch(/bzip2|unpack/);
  });

  it('what the engine has said is not said again', () => {
    expect(advice(failure('unsupported', 's.xz: this is compressed with xz: decompress it with xz -d first'))).toBeNull();
    expect(advice(failure('unsupported', 'this is a saved QEMU machine state, not a memory dump: use dump-guest-memory instead'))).toBeNull();
  });

  it('the list of formats is named where it can be seen', () => {
    const unknown = failure('unsupported', 'notes.txt: this is no dump that is known: it begins with "hello"');
    expect(advice(unknown)).toBe('What can be read is listed below.');
    expect(advice(unknown, linux)).toBeNull();
  });

  it('a kernel file alone: any order will do', () => {
    const alone = failure('invalid', 'kernel: this is a program or kernel file, not a dump: give the dump too');
    expect(advice(alone)).toContain('in any order');
  });

  it('a symbol that Linux does not have wants no kernel file', () => {
    const hint = advice(failure('no_symbol', 'no symbol "nosuch" in kallsyms in the dump'), linux);
    expect(hint).toContain('spelling');
    expect(hint).not.toMatch(/FreeBSD|kernel file/);
  });

  it('a FreeBSD dump without its kernel file wants it', () => {
    const without = failure('no_symbol', 'a FreeBSD dump does not carry its symbols: give the kernel file (/boot/kernel/kernel) too');
    expect(advice(without, freebsd)).toContain('Drop the kernel file on this page');
  });

  it('only a hole is said to be no memory', () => {
    const hint = (absence: Absence | null, place = linux) => advice(failure('not_in_dump', 'x', absence), place);
    expect(hint('hole')).toBe('There was no memory at this address.');
    expect(hint('truncated')).toContain('copy the dump again');
    expect(hint('excluded')).toContain('makedumpfile');
    expect(hint('excluded', freebsd)).toContain('debug.minidump');
    expect(hint('other_part')).toContain('Add the other files');
    expect(hint(null)).toBeNull();
    expect(hint(null, { ...linux, incomplete: true })).toContain('incomplete');
  });

  it('a file that ends within its header was cut off', () => {
    const short = failure('not_in_dump', 'the file ends after 100 bytes, before the 464 bytes from 0x0', 'truncated');
    expect(advice(short)).toContain('cut off');
  });
});
