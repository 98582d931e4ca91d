import type { Cell } from '../engine/protocol';
import { navigate } from '../route';
import { marked } from './marked';

export type Frame = Record<string, Cell>;

/** "schedule+0x2e", as far as it is known. */
export function symbolText({ symbol, offset }: Frame): string | null {
  if (symbol == null) return null;
  return offset == null ? String(symbol) : `${String(symbol)}+0x${BigInt(offset as number | string).toString(16)}`;
}

/** The frames of one kernel stack. */
export function Frames({ frames, words = [], stale = false }: { frames: Frame[]; words?: string[]; stale?: boolean }) {
  return (
    <ol className={`stack${stale ? ' stale' : ''}`} aria-label="Kernel stack, innermost frame first">
      {frames.map((frame, index) => (
        <li key={index}>
          <span className="dim frame-number">#{String(frame['frame'] ?? index)}</span>
          <button
            type="button"
            className="address"
            title="Show this memory"
            onClick={() => navigate({ view: 'memory', at: String(frame['pc']) })}
          >
            {marked(String(frame['pc']), words)}
          </button>
          <FrameSymbol frame={frame} words={words} />
        </li>
      ))}
    </ol>
  );
}

function FrameSymbol({ frame, words }: { frame: Frame; words: string[] }) {
  const text = symbolText(frame);
  if (text === null) return <span className="frame-symbol null">no symbol covers it</span>;
  const name = String(frame['symbol']);
  return (
    <span className="frame-symbol">
      <b>{marked(name, words)}</b>
      <wbr />
      <span className="frame-offset dim">{text.slice(name.length)}</span>
    </span>
  );
}
