import { useState } from 'react';

export interface Range {
  first: number;
  count: number;
}

export interface RowSelection {
  /** The row that the keys move from, or -1. */
  active: number;
  range: Range | null;
  includes(place: number): boolean;
  /** Selects one row, or extends the selection up to it. */
  select(place: number, extend?: boolean): void;
  selectAll(count: number): void;
  clear(): void;
}

/** Which of a list's rows are selected: one or a run of them. */
export function useRowSelection(): RowSelection {
  const [ends, setEnds] = useState<{ anchor: number; active: number } | null>(null);
  const range = ends && { first: Math.min(ends.anchor, ends.active), count: Math.abs(ends.anchor - ends.active) + 1 };
  return {
    active: ends?.active ?? -1,
    range,
    includes: (place) => range !== null && place >= range.first && place < range.first + range.count,
    select: (place, extend = false) => setEnds((before) => ({ anchor: extend && before ? before.anchor : place, active: place })),
    selectAll: (count) => setEnds(count > 0 ? { anchor: 0, active: count - 1 } : null),
    clear: () => setEnds(null),
  };
}

/** Where a key leads from `active` in a list of `count` rows of which a page shows `page`. */
export function movedBy(key: string, active: number, count: number, page: number): number | null {
  const places: Record<string, number> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
    Home: 0,
    End: count - 1,
    j: active + 1,
    k: active - 1,
  };
  const place = places[key];
  return place === undefined || count === 0 ? null : Math.max(0, Math.min(count - 1, place));
}
