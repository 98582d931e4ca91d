import type { Cell, Column } from '../engine/protocol';
import { cellText, title } from '../format';

const widest = 64;
/** Between two columns, in characters. */
const gap = 2;
/** Room for hours of seconds with microseconds: times grow after the first rows. */
const narrowestReal = 11;

export const alignsRight = (column: Column) => column.type === 'integer' || column.type === 'real';

/**
 * The widths of a grid's columns by what its first rows hold, in characters. A text in the last column takes what is
 * left, and where lines break it takes no more.
 */
export function tracks(columns: Column[], rows: Cell[][], wrap: boolean): string {
  return columns
    .map((column, place) => {
      let width = column.type === 'real' ? narrowestReal : title(column.name).length + 1;
      for (const row of rows) width = Math.max(width, cellText(row[place] ?? null, column).length);
      const characters = Math.min(width, widest) + gap;
      if (place < columns.length - 1 || column.type !== 'text') return `${characters}ch`;
      return wrap ? 'minmax(0, 1fr)' : `minmax(${Math.min(characters, 34)}ch, 1fr)`;
    })
    .join(' ');
}
