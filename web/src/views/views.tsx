import type { TableInfo } from '../engine/protocol';
import { title } from '../format';
import { Log } from './log';
import { Memory } from './memory';
import { Sql } from './sql';
import { Stacks } from './stacks';
import { Summary } from './summary';
import { TableView } from './table';
import { Processes, Threads } from './tasks';

const ownTitles: Record<string, string> = {
  dump: 'Summary',
  frames: 'Stacks',
  maps: 'Address spaces',
  cpus: 'Processors',
  memory: 'Memory use',
  regions: 'File map',
};
/** The view `memory` shows bytes. */
const viewOf = (table: string) => (table === 'memory' ? 'memory-use' : table);
const tableTitle = (name: string) => ownTitles[name] ?? title(name).replace(/^./, (letter) => letter.toUpperCase());

export interface ViewName {
  view: string;
  title: string;
}

/** The views of a dump: one for each table, with memory after the log and SQL last. */
export function viewsOf(tables: TableInfo[]): ViewName[] {
  const views = tables
    .filter((table) => table.name !== 'dump')
    .map((table) => ({ view: viewOf(table.name), title: tableTitle(table.name) }));
  const log = views.findIndex((view) => view.view === 'log');
  views.splice(log + 1 || views.length, 0, { view: 'memory', title: 'Memory' });
  return [{ view: 'summary', title: 'Summary' }, ...views, { view: 'sql', title: 'SQL' }];
}

export function View({ view, tables }: { view: string; tables: TableInfo[] }) {
  switch (view) {
    case 'summary':
      return <Summary />;
    case 'processes':
      return <Processes />;
    case 'threads':
      return <Threads />;
    case 'frames':
      return <Stacks />;
    case 'log':
      return <Log />;
    case 'sql':
      return <Sql />;
    case 'memory':
      return <Memory />;
    default: {
      const table = tables.find((candidate) => viewOf(candidate.name) === view);
      return table ? <TableView table={table} /> : <p className="pad dim">There is no such view.</p>;
    }
  }
}
