import { describe, expect, it } from 'vitest';
import { bytes, cellText, duration, hex, parseNumber } from './format';

describe('format', () => {
  it('writes sizes with three digits and binary units', () => {
    expect([0, 1, 1023, 1024, 1536, 10 * 1024, 512 * 2 ** 20, 8 * 2 ** 30].map(bytes)).toEqual([
      '0 bytes', '1 byte', '1023 bytes', '1.00 KiB', '1.50 KiB', '10.0 KiB', '512 MiB', '8.00 GiB',
    ]);
  });
  it('writes durations', () => {
    expect([12.34, 64, 3720, 90000].map(duration)).toEqual(['12.3 s', '1 min 04 s', '1 h 02 min', '1 d 01 h']);
  });
  it('keeps 64-bit addresses whole', () => {
    expect(hex(parseNumber('0xFFFFFFFF81000000')!)).toBe('0xffffffff81000000');
    expect(hex(-1n)).toBe('0xffffffffffffffff');
    expect(parseNumber('init_task')).toBeUndefined();
    expect(parseNumber('0x')).toBeUndefined();
  });
  it('tells null from zero and false', () => {
    expect(cellText(null, { type: 'integer' })).toBe('–');
    expect(cellText(0, { type: 'integer' })).toBe('0');
    expect(cellText(false, { type: 'boolean' })).toBe('no');
    expect(cellText(1.5, { type: 'real' })).toBe('1.500000');
  });
});
