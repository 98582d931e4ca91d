import { Dialog } from './dialog';

const keys: [string[], string][] = [
  [['Ctrl K'], 'Go to a view, process, thread, symbol or address'],
  [['/'], 'Filter this view'],
  [['?'], 'This help'],
  [['↑', '↓', 'Page', 'Home', 'End'], 'Move through rows, or through memory'],
  [['Shift ↑', 'Shift ↓', 'Ctrl A'], 'Select more rows'],
  [['Ctrl Enter'], 'Run the SQL statement'],
  [['Ctrl C'], 'Copy the selected rows as CSV'],
  [['Esc'], 'Empty the filter; close what is open'],
];

/** The keys that the page knows. */
export function Help({ open, onClose }: { open: boolean; onClose(): void }) {
  return (
    <Dialog open={open} onClose={onClose} className="text-dialog" aria-labelledby="help-title">
      <h2 id="help-title">Keyboard</h2>
      <dl className="keys">
        {keys.map(([names, what]) => (
          <div key={what}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <button type="button" className="primary" onClick={onClose}>
        Close
      </button>
    </Dialog>
  );
}
