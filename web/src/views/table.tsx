import type { TableInfo } from '../engine/protocol';
import { bytes } from '../format';
import { DataTable, type RenderCell } from '../parts/data-table';
import { navigate } from '../route';

const render: RenderCell = (cell, column) => {
  if (column.name === 'state' && cell !== null) return <span className={`state state-${cell}`}>{String(cell)}</span>;
  return undefined;
};

const renderRanges: RenderCell = (cell, column, row, words) => {
  if (column.name === 'size' && cell !== null)
    return <span title={`${String(cell)} bytes`}>{bytes(Number(cell))}</span>;
  // Physical addresses, which the other tables' are not.
  if (column.name === 'end') return String(cell);
  if (column.name === 'start' && cell !== null)
    return (
      <button
        type="button"
        className="address"
        tabIndex={-1}
        title="Show this physical memory"
        onClick={() => navigate({ view: 'memory', at: String(cell), physical: true })}
      >
        {String(cell)}
      </button>
    );
  return render(cell, column, row, words);
};

/** Any table of the engine: a new one appears here by itself. */
export function TableView({ table }: { table: TableInfo }) {
  return <DataTable key={table.name} table={table} render={table.name === 'ranges' ? renderRanges : render} />;
}
