import type { Cell, Column } from './engine/protocol';

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** "1.50 GiB"; binary units, three digits. */
export function bytes(count: number | string): string {
  let value = Number(count);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${count === 1 ? 'byte' : units[unit]}`;
}

/** "12,345": what is counted, not what is computed with. */
export const count = (value: number) => value.toLocaleString('en-US');

/** "1 process", "12 processes" */
export const counted = (value: number, one: string, many: string) => `${count(value)} ${value === 1 ? one : many}`;

/** "1 h 02 min", "3 min 04 s", "12.3 s" */
export function duration(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const whole = Math.floor(seconds);
  if (whole >= 86400) return `${Math.floor(whole / 86400)} d ${two(Math.floor(whole / 3600) % 24)} h`;
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${seconds.toFixed(1)} s`;
}

export const hex = (value: bigint) => '0x' + BigInt.asUintN(64, value).toString(16);

/** A number as a user types one, or undefined. */
export function parseNumber(text: string): bigint | undefined {
  const trimmed = text.trim();
  return /^(0x[0-9a-f]+|[0-9]+)$/i.test(trimmed) ? BigInt(trimmed) : undefined;
}

/** A table's cell as text. */
export function cellText(cell: Cell, column: Pick<Column, 'type'>): string {
  if (cell === null) return '–';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  if (column.type === 'real' && typeof cell === 'number') return cell.toFixed(6);
  return String(cell);
}

/** "page_size" -> "page size" */
export const title = (name: string) => name.replaceAll('_', ' ');

/** Cells of a row by their columns' names. */
export function record(columns: Column[], row: Cell[]): Record<string, Cell> {
  return Object.fromEntries(columns.map((column, index) => [column.name, row[index] ?? null]));
}
