import type { KeyboardEvent, ReactNode } from 'react';
import type { Form } from '../engine/protocol';
import { title } from '../format';

interface TableBarProps {
  table: string;
  filter: string;
  onFilter(filter: string): void;
  placeholder?: string | undefined;
  /** The user goes on to the rows. */
  onLeave(): void;
  /** Null where there is nothing to save. */
  onSave: ((form: Form) => void) | null;
  /** How many rows there are, and what has just been done with them. */
  status: string;
  /** More controls. */
  children?: ReactNode;
}

/** What stands above rows: the filter, how many there are, and saving them. */
export function TableBar({ table, filter, onFilter, placeholder, onLeave, onSave, status, children }: TableBarProps) {
  function onKeyDown(event: KeyboardEvent) {
    if (event.key === 'Escape') onFilter('');
    if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
    event.preventDefault();
    onLeave();
  }
  return (
    <div className="table-bar">
      <input
        type="search"
        className="filter"
        aria-label={`Filter ${title(table)}`}
        placeholder={placeholder ?? 'Filter'}
        value={filter}
        onChange={(event) => onFilter(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <span className="dim count" role="status">
        {status}
      </span>
      {children}
      {onSave && (
        <span className="save" role="group" aria-label="Save as">
          <span className="dim">Save</span>
          <button type="button" title="Save the rows as CSV" onClick={() => onSave('csv')}>
            CSV
          </button>
          <button type="button" title="Save the rows as JSON" onClick={() => onSave('json')}>
            JSON
          </button>
        </span>
      )}
    </div>
  );
}
