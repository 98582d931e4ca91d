import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Cell, Column, QueryOptions, SortKey, TableInfo } from '../engine/protocol';
import { cellText, count, title } from '../format';
import { navigate } from '../route';
import { FailureBox, Notes } from './failure';
import { useRows } from './rows';

export type RenderCell = (cell: Cell, column: Column, row: Cell[], words: string[]) => ReactNode | undefined;

export interface DataTableProps {
  table: TableInfo;
  /** What narrows the table beside the user's filter. */
  options?: QueryOptions;
  /** Columns to leave out. */
  hidden?: string[];
  initialSort?: SortKey[];
  /** Own presentation of cells; undefined leaves one as it is. */
  render?: RenderCell;
  rowClass?: (row: Cell[]) => string | undefined;
  /** Called with the row that the user picks. */
  onSelect?: (row: Cell[]) => void;
  isSelected?: (row: Cell[]) => boolean;
  /** Long texts break into lines, so that rows differ in height. */
  wrap?: boolean;
  placeholder?: string;
  /** More controls beside the filter. */
  controls?: ReactNode;
}

const rowHeight = 24;
const widest = 64;

/** `text` with the words that were searched for marked. */
export function marked(text: string, words: string[]): ReactNode {
  if (words.length === 0) return text;
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const pieces = text.split(new RegExp(`(${pattern})`, 'gi'));
  if (pieces.length === 1) return text;
  return pieces.map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece));
}

export function nextSort(sort: SortKey[], column: string): SortKey[] {
  const [first] = sort;
  if (first?.column !== column) return [{ column, descending: false }];
  return first.descending ? [] : [{ column, descending: true }];
}

const alignsRight = (column: Column) => column.type === 'integer' || column.type === 'real';

/** Widths by what the first rows hold, in characters; a text in the last column takes what is left. */
function tracks(columns: Column[], indexes: number[], rows: (Cell[] | undefined)[]): string {
  return columns
    .map((column, place) => {
      let width = title(column.name).length + 2;
      for (const row of rows)
        if (row) width = Math.max(width, cellText(row[indexes[place]!] ?? null, column).length);
      const characters = Math.min(width, widest) + 3;
      const takesRest = place === columns.length - 1 && column.type === 'text';
      return takesRest ? `minmax(${Math.min(characters, 34)}ch, 1fr)` : `${characters}ch`;
    })
    .join(' ');
}

/** A table of any size: windows of its rows are fetched as they come into view. */
export function DataTable(props: DataTableProps) {
  const { table, options, hidden, render, rowClass, onSelect, isSelected, wrap } = props;
  const [filter, setFilter] = useState('');
  const [sort, setSort] = useState<SortKey[]>(props.initialSort ?? []);
  const [active, setActive] = useState(-1);
  const deferred = useDeferredValue(filter);
  const rows = useRows(table.name, { ...options, filter: deferred.trim(), sort });
  const words = useMemo(() => deferred.trim().split(/\s+/).filter(Boolean), [deferred]);
  const scroller = useRef<HTMLDivElement>(null);
  const filterBox = useRef<HTMLInputElement>(null);
  const id = useId();

  const indexes = useMemo(
    () => table.columns.map((_, index) => index).filter((index) => !hidden?.includes(table.columns[index]!.name)),
    [table, hidden],
  );
  const columns = useMemo(() => indexes.map((index) => table.columns[index]!), [table, indexes]);
  const matched = rows.matched ?? 0;
  const firstRow = rows.row(0);
  const template = useMemo(
    () => tracks(columns, indexes, Array.from({ length: Math.min(matched, 200) }, (_, index) => rows.row(index))),
    // Widths stay as they are while the user filters and sorts.
    [columns, indexes, firstRow !== undefined],
  );

  const virtual = useVirtualizer({
    count: matched,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollPaddingStart: rowHeight + 6,
  });

  useEffect(() => setActive(-1), [deferred, sort, table]);

  function moveTo(place: number) {
    if (matched === 0) return;
    const clipped = Math.max(0, Math.min(matched - 1, place));
    setActive(clipped);
    virtual.scrollToIndex(clipped);
    const row = rows.row(clipped);
    if (row && onSelect) onSelect(row);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.target !== scroller.current) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: matched - 1,
      j: active + 1,
      k: active - 1,
    };
    const move = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      moveTo(move);
    } else if (event.key === 'Enter' && active >= 0) {
      const row = rows.row(active);
      if (row) onSelect?.(row);
    }
  }

  function shownCell(cell: Cell, column: Column, row: Cell[]): ReactNode {
    const own = render?.(cell, column, row, words);
    if (own !== undefined) return own;
    if (cell === null) return <span className="null">–</span>;
    const text = cellText(cell, column);
    if (column.type === 'address' && table.name !== 'ranges')
      return (
        <button type="button" className="address" tabIndex={-1} title="Show this memory" onClick={(event) => {
          event.stopPropagation();
          navigate({ view: 'memory', at: text });
        }}>
          {marked(text, words)}
        </button>
      );
    return marked(text, words);
  }

  return (
    <div className="data-table" onKeyDown={(event) => {
      if (event.key === 'Escape' && event.target === filterBox.current) setFilter('');
    }}>
      <div className="table-bar">
        <input
          ref={filterBox}
          type="search"
          className="filter"
          aria-label={`Filter ${title(table.name)}`}
          placeholder={props.placeholder ?? 'Filter'}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
            event.preventDefault();
            scroller.current?.focus();
            if (active < 0) moveTo(0);
          }}
        />
        {props.controls}
        <span className="dim count" role="status">
          {rows.total === undefined
            ? rows.failure ? '' : 'reading…'
            : matched === rows.total ? `${count(rows.total)} rows` : `${count(matched)} of ${count(rows.total)}`}
        </span>
      </div>
      {rows.failure && <FailureBox failure={rows.failure} />}
      <Notes notes={rows.notes} />
      {!rows.failure && (
        <div
          ref={scroller}
          className={`grid-scroller${wrap ? ' wrap' : ''}`}
          role="grid"
          aria-label={title(table.name)}
          aria-rowcount={matched + 1}
          aria-colcount={columns.length}
          aria-busy={rows.loading}
          aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <div className="grid-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
            {columns.map((column) => {
              const key = sort[0]?.column === column.name ? sort[0] : undefined;
              return (
                <div
                  key={column.name}
                  role="columnheader"
                  className={alignsRight(column) ? 'right' : undefined}
                  aria-sort={key ? (key.descending ? 'descending' : 'ascending') : 'none'}
                >
                  <button type="button" title={column.doc} onClick={() => setSort(nextSort(sort, column.name))}>
                    {title(column.name)}
                    <span aria-hidden="true" className="sort">{key ? (key.descending ? '▼' : '▲') : ''}</span>
                  </button>
                </div>
              );
            })}
          </div>
          <div role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows.row(item.index);
              const selected = row !== undefined && (isSelected?.(row) ?? false);
              return (
                <div
                  key={item.key}
                  id={`${id}-${item.index}`}
                  ref={wrap ? virtual.measureElement : undefined}
                  data-index={item.index}
                  role="row"
                  aria-rowindex={item.index + 2}
                  aria-selected={onSelect ? selected : undefined}
                  className={[
                    'grid-row',
                    item.index % 2 ? 'odd' : '',
                    item.index === active ? 'active' : '',
                    selected ? 'selected' : '',
                    onSelect ? 'pickable' : '',
                    (row && rowClass?.(row)) ?? '',
                  ].join(' ')}
                  style={{ gridTemplateColumns: template, transform: `translateY(${item.start}px)` }}
                  onClick={() => {
                    setActive(item.index);
                    if (row) onSelect?.(row);
                  }}
                >
                  {row
                    ? columns.map((column, place) => (
                        <div
                          key={column.name}
                          role="gridcell"
                          className={`cell-${column.type}${alignsRight(column) ? ' right' : ''}`}
                        >
                          {shownCell(row[indexes[place]!] ?? null, column, row)}
                        </div>
                      ))
                    : <div role="gridcell" className="dim">…</div>}
                </div>
              );
            })}
          </div>
          {rows.matched === 0 && <p className="empty">{words.length ? 'Nothing matches the filter.' : 'No rows.'}</p>}
        </div>
      )}
    </div>
  );
}
