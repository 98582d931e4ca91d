import type { ReactNode } from 'react';
import type { Cell } from '../engine/protocol';
import { navigate } from '../route';
import { marked } from './marked';
import { useNarrow } from './use-narrow';

export type Frame = Record<string, Cell>;

/** "schedule+0x2e", as far as it is known. */
export function symbolText({ symbol, offset }: Frame): string | null {
  if (symbol == null) return null;
  return offset == null ? String(symbol) : `${String(symbol)}+0x${BigInt(offset as number | string).toString(16)}`;
}

interface FramesProps {
  frames: Frame[];
  words?: string[];
  stale?: boolean;
}

/** The frames of one kernel stack. */
export function Frames({ frames, words = [], stale = false }: FramesProps) {
  return (
    <ol className={`stack${stale ? ' stale' : ''}`} aria-label="Kernel stack, innermost frame first">
      {frames.map((frame, index) => (
        <li key={index}>
          <span className="dim frame-number">#{String(frame['frame'] ?? index)}</span>
          <FrameText frame={frame} words={words} />
          {frame['inlined'] === true && (
            <span className="dim frame-inlined" title="The compiler made this function part of the next one">
              inlined
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

/** Where the frame is and what that is; on a phone the one leads to the other. */
function FrameText({ frame, words }: { frame: Frame; words: string[] }) {
  const narrow = useNarrow();
  const pc = String(frame['pc']);
  const text = symbolText(frame);
  const toMemory = (shown: ReactNode, className = '') => (
    <button type="button" className={`address ${className}`} title="Show this memory" onClick={() => navigate({ view: 'memory', at: pc })}>
      {shown}
    </button>
  );
  if (text === null)
    return (
      <>
        {toMemory(marked(pc, words))}
        <span className="frame-symbol null">no symbol covers it</span>
      </>
    );
  const name = String(frame['symbol']);
  const symbol = (
    <>
      <b>{marked(name, words)}</b>
      <wbr />
      <span className="frame-offset dim">{text.slice(name.length)}</span>
    </>
  );
  if (narrow) return toMemory(symbol, 'frame-symbol');
  return (
    <>
      {toMemory(marked(pc, words))}
      <span className="frame-symbol">{symbol}</span>
    </>
  );
}
