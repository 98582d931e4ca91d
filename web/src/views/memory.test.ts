import { describe, expect, it } from 'vitest';
import type { Failure } from '../engine/protocol';
import { hexBlocks } from './memory';

const absent = (address: string): Failure => ({
  code: 'not_in_dump', absence: 'excluded', text: `page ${address} was left out`, sentence: '', address, offset: null,
});

describe('hexBlocks', () => {
  it('shows 16 bytes a line, and a hole with its reason and no bytes', () => {
    const blocks = hexBlocks({
      address: '0xffff888000000fe0',
      length: 64 + 4096,
      bytes: Uint8Array.from({ length: 64 + 4096 }, (_, index) => index & 0xff),
      parts: [
        { address: '0xffff888000000fe0', length: 32, offset: 0 },
        { address: '0xffff888000001000', length: 4096, error: absent('0xffff888000001000') },
        { address: '0xffff888000002000', length: 32, offset: 32 + 4096 },
      ],
    });
    expect(blocks.map((block) => ('hole' in block ? 'hole' : block.line.address.toString(16)))).toEqual([
      'ffff888000000fe0', 'ffff888000000ff0', 'hole', 'ffff888000002000', 'ffff888000002010',
    ]);
    expect(blocks[2]).toMatchObject({ hole: { length: 4096, text: 'page 0xffff888000001000 was left out' } });
    expect('line' in blocks[1]! && [...blocks[1].line.bytes]).toEqual(Array.from({ length: 16 }, (_, index) => 16 + index));
  });
  it('joins neighbouring holes of one reason', () => {
    const blocks = hexBlocks({
      address: '0x1000',
      length: 8192,
      bytes: new Uint8Array(8192),
      parts: [
        { address: '0x1000', length: 4096, error: absent('0x1000') },
        { address: '0x2000', length: 4096, error: absent('0x2000') },
      ],
    });
    expect(blocks).toHaveLength(1);
    expect(blocks[0]).toMatchObject({ hole: { address: 0x1000n, length: 8192 } });
  });
});
