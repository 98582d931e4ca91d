import { Command } from 'cmdk';
import { useDeferredValue, useState } from 'react';
import type { Cell } from '../engine/protocol';
import { record } from '../format';
import { navigate, type Route } from '../route';
import { useAnswer, useTable } from '../session';
import { Dialog } from './dialog';

interface PaletteProps {
  open: boolean;
  onClose(): void;
  views: { view: string; title: string }[];
}

/** Goes to a view, an address, a symbol or a process by what is typed. */
export function Palette({ open, onClose, views }: PaletteProps) {
  return (
    <Dialog open={open} onClose={onClose} className="palette" aria-label="Go to">
      <PaletteContent onClose={onClose} views={views} />
    </Dialog>
  );
}

/** The few whose names are nearest to what was typed: beginning with it before holding it, short before long. */
function nearest(symbols: Record<string, Cell>[], typed: string): Record<string, Cell>[] {
  const distance = (symbol: Record<string, Cell>) => {
    const name = String(symbol['name']);
    return name.length + (name.toLowerCase().startsWith(typed.toLowerCase()) ? 0 : 1000);
  };
  return [...symbols].sort((a, b) => distance(a) - distance(b)).slice(0, 8);
}

function PaletteContent({ onClose, views }: Omit<PaletteProps, 'open'>) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(`view ${views[0]?.view}`);
  // What is known at once follows each key, so that a quick Enter takes what was typed; the engine's
  // answers come later.
  const typed = text.trim();
  const wanted = useDeferredValue(typed);
  const symbols = useTable('symbols');
  const processes = useTable('processes');
  const found = useAnswer(
    'query',
    symbols && wanted.length >= 2 && !wanted.includes(' ')
      ? { table: 'symbols', options: { columns: { name: wanted }, limit: 1000 } }
      : null,
  );
  const running = useAnswer(
    'query',
    processes && wanted ? { table: 'processes', options: { filter: wanted, limit: 6 } } : null,
  );
  const go = (route: Route) => {
    onClose();
    navigate(route);
  };
  const matching = (words: string) =>
    views.filter((view) => view.title.toLowerCase().includes(words.trim().toLowerCase()));
  const matches = matching(text);
  function onType(next: string) {
    setText(next);
    const [first] = matching(next);
    setChosen(first ? `view ${first.view}` : 'memory');
  }
  return (
    <Command shouldFilter={false} label="Go to" value={chosen} onValueChange={setChosen}>
      <Command.Input placeholder="View, address, symbol, process…" value={text} onValueChange={onType} />
      <Command.List>
        <Command.Empty>Nothing of that name.</Command.Empty>
        {matches.length > 0 && (
          <Command.Group heading="Views">
            {matches.map((view) => (
              <Command.Item key={view.view} value={`view ${view.view}`} onSelect={() => go({ view: view.view })}>
                {view.title}
              </Command.Item>
            ))}
          </Command.Group>
        )}
        {typed && (
          <Command.Group heading="Memory">
            <Command.Item value="memory" onSelect={() => go({ view: 'memory', at: typed })}>
              Memory at <span className="mono">{typed}</span>
            </Command.Item>
            {nearest(found.value && wanted ? found.value.rows.map((row) => record(symbols!.columns, row)) : [], wanted).map((symbol) => {
              return (
                <Command.Item
                  key={`${symbol['name']} ${symbol['address']}`}
                  value={`symbol ${symbol['name']} ${symbol['address']}`}
                  onSelect={() => go({ view: 'memory', at: String(symbol['address']) })}
                >
                  <span className="mono">{String(symbol['name'])}</span>
                  <span className="mono dim">{String(symbol['address'])}</span>
                </Command.Item>
              );
            })}
          </Command.Group>
        )}
        {running.value && wanted && running.value.rows.length > 0 && (
          <Command.Group heading="Processes">
            {running.value.rows.map((row) => {
              const process = record(processes!.columns, row);
              return (
                <Command.Item
                  key={String(process['address'])}
                  value={`process ${process['address']}`}
                  onSelect={() => go({ view: 'processes', ...(typeof process['pid'] === 'number' ? { pid: process['pid'] } : {}) })}
                >
                  {String(process['name'])} <span className="mono dim">pid {String(process['pid'])}</span>
                </Command.Item>
              );
            })}
          </Command.Group>
        )}
      </Command.List>
    </Command>
  );
}
