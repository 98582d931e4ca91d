import type { Column, SortKey } from '../engine/protocol';
import { title } from '../format';
import { alignsRight } from './tracks';

export function nextSort(sort: SortKey[], column: string): SortKey[] {
  const [first] = sort;
  if (first?.column !== column) return [{ column, descending: false }];
  return first.descending ? [] : [{ column, descending: true }];
}

interface GridHeadProps {
  columns: Column[];
  template: string;
  sort: SortKey[];
  onSort(sort: SortKey[]): void;
}

/** The names of a grid's columns, which sort it. */
export function GridHead({ columns, template, sort, onSort }: GridHeadProps) {
  return (
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
            <button type="button" title={column.doc} onClick={() => onSort(nextSort(sort, column.name))}>
              {title(column.name)}
              {key && <span aria-hidden="true" className="sort">{key.descending ? '▼' : '▲'}</span>}
            </button>
          </div>
        );
      })}
    </div>
  );
}
