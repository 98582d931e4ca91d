import type { ReactNode } from 'react';

/** The words of a filter, as the engine takes them apart. */
export const wordsOf = (filter: string) => filter.trim().split(/\s+/).filter(Boolean);

/** `text` with the words that were searched for marked. */
export function marked(text: string, words: string[]): ReactNode {
  if (words.length === 0) return text;
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const pieces = text.split(new RegExp(`(${pattern})`, 'gi'));
  if (pieces.length === 1) return text;
  return pieces.map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece));
}
