import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { Memory as MemoryAnswer, Space, Translated } from '../engine/protocol';
import { bytes, hex, parseNumber } from '../format';
import { advice, type Place, startPage } from '../parts/advice';
import { FailureBox } from '../parts/failure';
import { navigate, useRoute } from '../route';
import { useAnswer, usePlace } from '../session';

const shown = 2048;
const lastAddress = (1n << 64n) - 1n;

/** Memory as bytes: the kernel's, a process's or physical. */
export function Memory() {
  const route = useRoute();
  const space: Space = route.physical ? { physical: true } : route.pid !== undefined ? { pid: route.pid } : {};
  const resolved = useAnswer('resolve', route.at ? { text: route.at } : null);
  const target = route.at ? resolved.value?.address : undefined;
  const start = target === undefined ? undefined : BigInt(target) & ~0xfn;
  const answer = useAnswer('read', start === undefined ? null : { address: hex(start), length: shown, space });
  const translated = useAnswer('translate', target === undefined ? null : { address: target, space });
  const [words, setWords] = useState(false);
  const failure = resolved.failure ?? answer.failure;

  const goTo = (at: string, physical = route.physical) =>
    navigate({ view: 'memory', at, ...(physical ? { physical: true } : route.pid !== undefined ? { pid: route.pid } : {}) });
  function move(by: bigint) {
    if (start === undefined) return;
    const to = start + by;
    goTo(hex(to < 0n ? 0n : to > lastAddress ? lastAddress & ~0xfn : to));
  }
  function onKeyDown(event: KeyboardEvent) {
    const moves: Record<string, bigint> = {
      PageDown: BigInt(shown),
      PageUp: -BigInt(shown),
      ArrowDown: 16n,
      ArrowUp: -16n,
    };
    const by = moves[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(by);
  }

  return (
    <div className="memory">
      <MemoryBar route={route} onGo={goTo} words={words} onWords={setWords} />
      {!route.at && (
        <p className="pad dim">
          Type an address (<code>0xffff…</code>), a symbol (<code>init_task</code>) or symbol+offset (
          <code>linux_banner+8</code>). Addresses anywhere on this page lead here.
        </p>
      )}
      {failure && <FailureBox failure={failure} />}
      {!failure && start !== undefined && (
        <div className="memory-columns">
          <div className="dump-pane">
            <div className="pager">
              <button type="button" onClick={() => move(-BigInt(shown))}>↑ {bytes(shown)} up</button>
              <span className="mono dim">
                {resolved.value?.symbol && (
                  <>
                    {resolved.value.symbol.name}+0x{BigInt(resolved.value.symbol.offset).toString(16)}
                  </>
                )}
              </span>
              <button type="button" onClick={() => move(BigInt(shown))}>↓ {bytes(shown)} down</button>
            </div>
            <div className="hex" role="region" aria-label="Memory bytes" tabIndex={0} onKeyDown={onKeyDown}>
              {answer.value && (
                <HexRows memory={answer.value} target={target ?? hex(start)} words={words} onFollow={(at) => goTo(at)} />
              )}
            </div>
          </div>
          {translated.value && <Translation of={translated.value} onPhysical={(at) => goTo(at, true)} />}
        </div>
      )}
    </div>
  );
}

interface BarProps {
  route: ReturnType<typeof useRoute>;
  onGo(at: string): void;
  words: boolean;
  onWords(words: boolean): void;
}

function MemoryBar({ route, onGo, words, onWords }: BarProps) {
  const [text, setText] = useState(route.at ?? '');
  const [pid, setPid] = useState(route.pid === undefined ? '' : String(route.pid));
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => setText(route.at ?? ''), [route.at]);
  useEffect(() => {
    if (route.pid !== undefined) setPid(String(route.pid));
  }, [route.pid]);
  useEffect(() => {
    if (!route.at) box.current?.focus();
  }, [route.at]);
  const kind = route.physical ? 'physical' : route.pid !== undefined ? 'process' : 'kernel';
  const at = route.at ? { at: route.at } : {};

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (text.trim()) onGo(text.trim());
  }
  function choose(next: string) {
    if (next === 'physical') navigate({ view: 'memory', ...at, physical: true });
    else if (next === 'process') navigate({ view: 'memory', ...at, pid: Number(pid) || 1 });
    else navigate({ view: 'memory', ...at });
  }
  return (
    <form className="table-bar" onSubmit={onSubmit}>
      <input
        ref={box}
        className="filter mono"
        aria-label="Address or symbol"
        placeholder="Address, symbol or symbol+offset"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit">Go</button>
      <select aria-label="Address space" value={kind} onChange={(event) => choose(event.target.value)}>
        <option value="kernel">kernel</option>
        <option value="process">process…</option>
        <option value="physical">physical</option>
      </select>
      {kind === 'process' && (
        <input
          className="pid mono"
          aria-label="Process id"
          inputMode="numeric"
          value={pid}
          onChange={(event) => setPid(event.target.value)}
          onBlur={() => parseNumber(pid) !== undefined && navigate({ view: 'memory', ...at, pid: Number(pid) })}
        />
      )}
      <label className="check">
        <input type="checkbox" checked={words} onChange={(event) => onWords(event.target.checked)} /> words
      </label>
    </form>
  );
}

interface HexLine {
  address: bigint;
  bytes: Uint8Array;
}
type HexBlock = { line: HexLine } | { hole: { address: bigint; length: number; text: string; todo: string | null } };

/** Lines of 16 bytes; a hole is one block whatever its size. */
export function hexBlocks(memory: MemoryAnswer, place: Place = startPage): HexBlock[] {
  const blocks: HexBlock[] = [];
  for (const part of memory.parts) {
    const address = BigInt(part.address);
    if (part.error) {
      const before = blocks.at(-1);
      const text = part.error.text;
      if (before && 'hole' in before && before.hole.text.replaceAll(/0x[0-9a-f]+/g, '') === text.replaceAll(/0x[0-9a-f]+/g, ''))
        before.hole.length += part.length;
      else blocks.push({ hole: { address, length: part.length, text, todo: advice(part.error, place) } });
      continue;
    }
    for (let done = 0; done < part.length; done += 16)
      blocks.push({
        line: {
          address: address + BigInt(done),
          bytes: memory.bytes.subarray(part.offset + done, part.offset + Math.min(done + 16, part.length)),
        },
      });
  }
  return blocks;
}

const printableByte = (byte: number) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');
const twoDigits = (byte: number) => byte.toString(16).padStart(2, '0');

interface HexProps {
  memory: MemoryAnswer;
  target: string;
  words: boolean;
  onFollow(address: string): void;
}

function HexRows({ memory, target, words, onFollow }: HexProps) {
  const place = usePlace();
  const blocks = hexBlocks(memory, place);
  const marked = BigInt(target);
  return blocks.map((block) => {
    if ('hole' in block) {
      const { address, length, text, todo } = block.hole;
      return (
        <div key={String(address)} className="hole" role="note">
          <span className="mono">
            {hex(address)} – {hex(address + BigInt(length) - 1n)}
          </span>
          <span className="hole-size">{bytes(length)} not here</span>
          <span className="hole-reason">{text}.</span>
          {todo && <span className="dim">{todo}</span>}
        </div>
      );
    }
    const { address, bytes: line } = block.line;
    return (
      <div key={String(address)} className="hex-line">
        <span className="hex-address">{address.toString(16).padStart(16, '0')}</span>
        {words ? (
          <span className="hex-bytes">
            {[0, 8].map((at) => (
              <Word key={at} line={line} at={at} onFollow={onFollow} />
            ))}
          </span>
        ) : (
          <span className="hex-bytes">
            {[...line].map((byte, index) => (
              <span
                key={index}
                className={`${byte === 0 ? 'zero' : ''}${address + BigInt(index) === marked ? ' target' : ''}`}
              >
                {twoDigits(byte)}
              </span>
            ))}
          </span>
        )}
        <span className="hex-text">{[...line].map(printableByte).join('')}</span>
      </div>
    );
  });
}

/** Eight bytes as a little-endian number; what may be a kernel address can be followed. */
function Word({ line, at, onFollow }: { line: Uint8Array; at: number; onFollow(address: string): void }) {
  if (line.length < at + 8) return null;
  const value = new DataView(line.buffer, line.byteOffset + at, 8).getBigUint64(0, true);
  const text = value.toString(16).padStart(16, '0');
  if (value >> 47n !== 0x1ffffn || value === lastAddress) return <span className={value === 0n ? 'zero' : ''}>{text}</span>;
  return (
    <button type="button" className="address" onClick={() => onFollow(hex(value))}>
      {text}
    </button>
  );
}

/** Each step from the virtual address to the byte in the file. */
function Translation({ of, onPhysical }: { of: Translated; onPhysical(address: string): void }) {
  const { translation, location } = of;
  return (
    <section className="translation" aria-labelledby="translation">
      <h2 id="translation">Translation of {of.address}</h2>
      <ol className="steps">
        {of.steps.map((step, index) => (
          <li key={index}>
            <div className="step-head">
              <b>{step.table}</b>
              {step.entry_address !== null || step.entry_offset !== null ? <span className="dim">entry {step.index}</span> : null}
            </div>
            {step.entry_address !== null && (
              <div className="mono">
                <button type="button" className="address" onClick={() => onPhysical(step.entry_address!)}>
                  {step.entry_address}
                </button>{' '}
                = {step.entry}
              </div>
            )}
            {step.entry_offset !== null && (
              <div className="mono">
                file offset {step.entry_offset} = {step.entry}
              </div>
            )}
            <div className="dim">{step.meaning}</div>
          </li>
        ))}
        {translation && (
          <li>
            <div className="step-head">
              <b>physical</b>
              <span className="dim">{bytes(Number(translation.page_size))} page</span>
            </div>
            <div className="mono">
              <button type="button" className="address" onClick={() => onPhysical(translation.physical)}>
                {translation.physical}
              </button>
            </div>
            <div className="dim">
              {[
                translation.writable ? 'writable' : 'read-only',
                translation.executable ? 'executable' : 'not executable',
                translation.user ? 'user' : 'kernel only',
              ].join(', ')}
            </div>
          </li>
        )}
        {location &&
          (location.present || location.before_cut ? (
            <li>
              <div className="step-head">
                <b>dump file</b>
                {location.part > 0 && <span className="dim">part {location.part}</span>}
              </div>
              <div className="mono">offset {location.file_offset}</div>
              <div className="dim">
                {location.codec === 'none' ? 'stored plain' : `${bytes(location.stored_size)} stored, ${location.codec}`}
                {location.record && `, named by the ${location.record} at ${location.record_offset}`}
                {location.before_cut && '; the file ends within this page'}
              </div>
            </li>
          ) : (
            <li className="absent">
              <div className="step-head">
                <b>dump file</b>
              </div>
              <div>not in the dump: {location.absence?.replaceAll('_', ' ') ?? 'unknown'}</div>
            </li>
          ))}
      </ol>
      {of.error && <FailureBox failure={of.error} />}
    </section>
  );
}
