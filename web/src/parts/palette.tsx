import { Command } from 'cmdk';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { navigate } from '../route';
import type { ViewName } from '../views/views';
import { Dialog } from './dialog';
import { type Suggestion, useSuggestions } from './suggestions';

interface PaletteProps {
  open: boolean;
  onClose(): void;
  views: ViewName[];
}

/** Goes to a view, process, thread, symbol or address by what is typed. */
export function Palette({ open, onClose, views }: PaletteProps) {
  return (
    <Dialog open={open} onClose={onClose} className="palette" aria-label="Go to">
      <PaletteContent onClose={onClose} views={views} />
    </Dialog>
  );
}

function PaletteContent({ onClose, views }: Omit<PaletteProps, 'open'>) {
  const [text, setText] = useState('');
  const [moved, setMoved] = useState<string | null>(null);
  const [entered, setEntered] = useState(false);
  // cmdk also tells of choices of its own, which follow the list of a moment ago.
  const byUser = useRef(false);
  const { groups, loading } = useSuggestions(text, views);
  const items = groups.flatMap((group) => group.items);
  const chosen = items.find(({ key }) => key === moved) ?? items[0];

  function go({ route }: Suggestion) {
    onClose();
    navigate(route);
  }
  // Enter that comes before the engine's answers takes the likeliest of them.
  useEffect(() => {
    if (!entered || loading) return;
    setEntered(false);
    if (chosen) go(chosen);
  }, [entered, loading]);

  function onKeyDown(event: KeyboardEvent) {
    byUser.current = event.key !== 'Enter';
    if (event.key !== 'Enter' || !loading) return;
    event.preventDefault();
    setEntered(true);
  }
  return (
    <Command
      shouldFilter={false}
      label="Go to"
      value={chosen?.key ?? ''}
      onValueChange={(key) => byUser.current && setMoved(key)}
      onKeyDown={onKeyDown}
      onPointerMove={() => (byUser.current = true)}
    >
      <Command.Input
        placeholder="View, process, thread, symbol, address…"
        value={text}
        onValueChange={(next) => {
          byUser.current = false;
          setText(next);
          setMoved(null);
          setEntered(false);
        }}
      />
      <Command.List>
        <Command.Empty>{loading ? 'looking…' : `Nothing in this dump is called “${text.trim()}”.`}</Command.Empty>
        {groups.map((group) => (
          <Command.Group key={group.heading} heading={group.heading}>
            {group.items.map((item) => (
              <Command.Item key={item.key} value={item.key} onSelect={() => go(item)}>
                <span className="suggestion">{item.label}</span> <span className="mono dim">{item.detail}</span>
              </Command.Item>
            ))}
          </Command.Group>
        ))}
      </Command.List>
    </Command>
  );
}
