import type { TableInfo } from '../engine/protocol';

interface SqlSchemaProps {
  tables: TableInfo[];
  /** Called with the name that the user picks. */
  onPick(name: string): void;
}

/** Words that SQLite takes for no names unless they stand in quotes (the others of its keywords fall back to names). */
const reserved = new Set(
  (
    'add all alter and as autoincrement between case check collate commit constraint create default deferrable delete ' +
    'distinct drop else escape except exists foreign from group having in index insert intersect into is isnull join ' +
    'limit not nothing notnull null on or order primary references returning select set table then to transaction ' +
    'union unique update using values when where'
  ).split(' '),
);
const asName = (name: string) => (reserved.has(name) ? `"${name}"` : name);

/** The tables and their columns; picking one puts its name into the statement. */
export function SqlSchema({ tables, onPick }: SqlSchemaProps) {
  return (
    <aside className="sql-schema" aria-label="Tables">
      <h2>Tables</h2>
      {tables.map((table) => (
        <details key={table.name}>
          <summary title={table.doc} className="mono">
            {table.name}
          </summary>
          <p className="dim">{table.doc}</p>
          <ul>
            {table.columns.map((column) => (
              <li key={column.name}>
                <button type="button" className="mono" title={column.doc} onClick={() => onPick(asName(column.name))}>
                  {column.name}
                </button>{' '}
                <span className="dim">{column.type}</span>
              </li>
            ))}
          </ul>
        </details>
      ))}
      <h2>Functions</h2>
      <dl>
        <dt className="mono">address('text')</dt>
        <dd className="dim">of a symbol, symbol+offset or number</dd>
        <dt className="mono">symbol(address)</dt>
        <dd className="dim">name+offset of what holds it</dd>
        <dt className="mono">hex(integer)</dt>
        <dd className="dim">its 64 bits as 0x…; results that are computed are decimal</dd>
      </dl>
    </aside>
  );
}
