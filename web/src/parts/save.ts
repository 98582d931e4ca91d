import { useState } from 'react';
import { Cancelled } from '../engine/client';
import type { Failure, Form, QueryOptions } from '../engine/protocol';
import { counted } from '../format';
import { failureOf, useSession } from '../session';
import type { Range } from './row-selection';

const types: Record<Form, string> = { csv: 'text/csv', json: 'application/json' };

/** Hands bytes to the browser's downloads: they go from the page to the disk. */
function download(name: string, bytes: Uint8Array<ArrayBuffer>, type: string) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Saves a table's rows, or copies some of them, as the command line prints them. */
export function useSave(table: string, options: QueryOptions) {
  const { engine, files } = useSession();
  const [failure, setFailure] = useState<Failure | null>(null);
  const [said, setSaid] = useState('');

  async function attempt(action: () => Promise<string>) {
    setFailure(null);
    setSaid('');
    try {
      setSaid(await action());
    } catch (error) {
      if (!(error instanceof Cancelled)) setFailure(failureOf(error));
    }
  }
  const written = (form: Form, range: QueryOptions) =>
    engine.ask('write', { table, options: { ...options, ...range }, form });

  return {
    failure,
    said,
    save: (form: Form) =>
      attempt(async () => {
        const name = `${files[0]?.name ?? 'dump'}-${table}.${form}`;
        download(name, await written(form, {}), types[form]);
        return `saved ${name}`;
      }),
    copy: ({ first, count }: Range) =>
      attempt(async () => {
        const text = new TextDecoder().decode(await written('csv', { offset: first, limit: count }));
        if (!navigator.clipboard) throw new Error('this browser lets the page copy nothing: save the table instead');
        await navigator.clipboard.writeText(text);
        return `copied ${counted(count, 'row', 'rows')}`;
      }),
  };
}
