import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Cell, Column, SortKey, TableInfo } from '../engine/protocol';
import { cellText, count, counted, title } from '../format';
import { navigate } from '../route';
import { useSession } from '../session';
import { FailureBox, Notes } from './failure';
import { GridHead } from './grid-head';
import { marked, wordsOf } from './marked';
import { movedBy, useRowSelection } from './row-selection';
import { useRows } from './rows';
import { useSave } from './save';
import { TableBar } from './table-bar';
import { alignsRight, tracks } from './tracks';

export type RenderCell = (cell: Cell, column: Column, row: Cell[], words: string[]) => ReactNode | undefined;

/** A row by its place, or by what a column of it shows. */
export type Reveal = { row: number } | { column: string; text: string };

export interface DataTableProps {
  table: TableInfo;
  /** Columns to leave out. */
  hidden?: string[];
  /** Own presentation of cells; undefined leaves one as it is. */
  render?: RenderCell;
  rowClass?: (row: Cell[]) => string | undefined;
  /** Called with the row that the user picks. */
  onSelect?: (row: Cell[]) => void;
  isSelected?: (row: Cell[]) => boolean;
  /** A row to scroll to when it is named. */
  reveal?: Reveal | null;
  /** Long texts break into lines, so that rows differ in height. */
  wrap?: boolean;
  placeholder?: string;
}

const rowHeight = 24;
const rowsMeasured = 200;

/** A table of any size: windows of its rows are fetched as they come into view. */
export function DataTable(props: DataTableProps) {
  const { table, hidden, render, rowClass, onSelect, isSelected, reveal, wrap = false } = props;
  const { engine } = useSession();
  const [filter, setFilter] = useState('');
  const [sort, setSort] = useState<SortKey[]>([]);
  const selection = useRowSelection();
  const deferred = useDeferredValue(filter).trim();
  const arrangement = useMemo(() => ({ filter: deferred, sort }), [deferred, sort]);
  // What is saved has all columns; the grid shows the usual ones.
  const shownOnly = useMemo(() => ({ ...arrangement, extra: false }), [arrangement]);
  const rows = useRows(table.name, shownOnly);
  const saving = useSave(table.name, arrangement);
  const words = useMemo(() => wordsOf(deferred), [deferred]);
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();

  const indexes = useMemo(
    () => table.columns.map((_, index) => index).filter((index) => !table.columns[index]!.extra && !hidden?.includes(table.columns[index]!.name)),
    [table, hidden],
  );
  const columns = useMemo(() => indexes.map((index) => table.columns[index]!), [table, indexes]);
  const matched = rows.matched ?? 0;
  const firstRow = rows.row(0);
  const template = useMemo(() => {
    const first = Array.from({ length: Math.min(matched, rowsMeasured) }, (_, index) => rows.row(index));
    return tracks(columns, first.filter((row) => row !== undefined).map((row) => indexes.map((index) => row[index] ?? null)), wrap);
    // Widths stay as they are while the user filters and sorts.
  }, [columns, indexes, wrap, firstRow !== undefined]);

  const virtual = useVirtualizer({
    count: matched,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollPaddingStart: rowHeight + 6,
  });

  useEffect(() => selection.clear(), [arrangement, table]);

  const known = rows.matched !== undefined;
  const revealed = JSON.stringify(reveal ?? null);
  useEffect(() => {
    if (!reveal || !known) return;
    let current = true;
    const place =
      'row' in reveal
        ? Promise.resolve(reveal.row)
        : engine.ask('find', { table: table.name, options: shownOnly, column: reveal.column, text: reveal.text });
    place.then(
      (found) => {
        if (!current || found === null) return;
        selection.select(found);
        virtual.scrollToIndex(found, { align: 'center' });
      },
      // The row is shown beside the table all the same.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [revealed, known]);

  function pick(place: number, extend: boolean) {
    selection.select(place, extend);
    const row = rows.row(place);
    if (row && !extend) onSelect?.(row);
  }
  function moveTo(place: number, extend = false) {
    pick(place, extend);
    virtual.scrollToIndex(place);
  }
  function onKeyDown(event: KeyboardEvent) {
    if (event.target !== scroller.current || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      onControlKey(event);
      return;
    }
    const page = Math.max(1, Math.floor(scroller.current.clientHeight / rowHeight) - 2);
    const place = movedBy(event.key, selection.active, matched, page);
    if (place !== null) {
      event.preventDefault();
      moveTo(place, event.shiftKey);
    } else if (event.key === 'Enter' && selection.active >= 0) {
      pick(selection.active, false);
    }
  }
  function onControlKey(event: KeyboardEvent) {
    if (event.key === 'a') {
      event.preventDefault();
      selection.selectAll(matched);
    } else if (event.key === 'c' && selection.range && window.getSelection()?.isCollapsed !== false) {
      // Text that is selected with the mouse is the browser's to copy.
      event.preventDefault();
      void saving.copy(selection.range);
    }
  }

  function shownCell(cell: Cell, column: Column, row: Cell[]): ReactNode {
    const own = render?.(cell, column, row, words);
    if (own !== undefined) return own;
    if (cell === null) return <span className="null">–</span>;
    const text = cellText(cell, column);
    if (column.type !== 'address') return marked(text, words);
    return (
      <button type="button" className="address" tabIndex={-1} title="Show this memory" onClick={(event) => {
        event.stopPropagation();
        navigate({ view: 'memory', at: text });
      }}>
        {marked(text, words)}
      </button>
    );
  }

  const number =
    rows.total === undefined ? (rows.failure ? '' : 'reading…')
    : matched === rows.total ? `${count(rows.total)} rows`
    : `${count(matched)} of ${count(rows.total)}`;
  const { range } = selection;
  return (
    <div className="data-table">
      <TableBar
        table={table.name}
        filter={filter}
        onFilter={setFilter}
        placeholder={props.placeholder}
        onLeave={() => {
          scroller.current?.focus();
          if (selection.active < 0 && matched > 0) moveTo(0);
        }}
        onSave={rows.failure ? null : saving.save}
        status={saving.said || number}
      >
        {range && (
          <button type="button" title="Copy as CSV (Ctrl C)" onClick={() => saving.copy(range)}>
            Copy {counted(range.count, 'row', 'rows')}
          </button>
        )}
      </TableBar>
      {(rows.failure ?? saving.failure) && <FailureBox failure={(rows.failure ?? saving.failure)!} />}
      <Notes notes={rows.notes} />
      {!rows.failure && (
        <div className="grid-frame">
          <div
            ref={scroller}
            className={`grid-scroller${wrap ? ' wrap' : ''}`}
            role="grid"
            aria-label={title(table.name)}
            aria-rowcount={matched + 1}
            aria-colcount={columns.length}
            aria-busy={rows.loading}
            aria-multiselectable="true"
            aria-activedescendant={selection.active >= 0 ? `${id}-${selection.active}` : undefined}
            tabIndex={0}
            onKeyDown={onKeyDown}
          >
            <GridHead columns={columns} template={template} sort={sort} onSort={setSort} />
            <div role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
              {virtual.getVirtualItems().map((item) => {
                const row = rows.row(item.index);
                const picked = row !== undefined && (isSelected?.(row) ?? false);
                const selected = picked || selection.includes(item.index);
                return (
                  <div
                    key={item.key}
                    id={`${id}-${item.index}`}
                    ref={wrap ? virtual.measureElement : undefined}
                    data-index={item.index}
                    role="row"
                    aria-rowindex={item.index + 2}
                    aria-selected={selected}
                    className={[
                      'grid-row',
                      item.index % 2 ? 'odd' : '',
                      item.index === selection.active ? 'active' : '',
                      selected ? 'selected' : '',
                      onSelect ? 'pickable' : '',
                      (row && rowClass?.(row)) ?? '',
                    ].join(' ')}
                    style={{ gridTemplateColumns: template, transform: `translateY(${item.start}px)` }}
                    // With Shift the browser would select text.
                    onMouseDown={(event) => event.shiftKey && event.preventDefault()}
                    onClick={(event) => pick(item.index, event.shiftKey)}
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
        </div>
      )}
    </div>
  );
}
