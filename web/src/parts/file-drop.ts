import { useEffect, useRef, useState } from 'react';

/** What was let go over the page. */
export interface Dropped {
  files: File[];
  /** Names of folders, whose files the page is not given. */
  folders: string[];
}

const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;

export function droppedOf(transfer: Pick<DataTransfer, 'items' | 'files'>): Dropped {
  const folders = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((entry) => entry?.isDirectory)
    .map((entry) => entry!.name);
  const files = [...transfer.files].filter((file) => !folders.includes(file.name));
  return { files, folders };
}

/** Takes files that are dropped anywhere on the page; true while some are dragged over it. */
export function useFileDrop(onDrop: (dropped: Dropped) => void): boolean {
  const [over, setOver] = useState(false);
  const handler = useRef(onDrop);
  handler.current = onDrop;
  useEffect(() => {
    const listeners: Record<string, (event: DragEvent) => void> = {
      dragover: () => setOver(true),
      dragleave: (event) => setOver(Boolean(event.relatedTarget)),
      drop: (event) => {
        setOver(false);
        handler.current(droppedOf(event.dataTransfer!));
      },
    };
    const listen = (event: Event) => {
      if (!holdsFiles(event as DragEvent)) return;
      // Otherwise the browser would show the file instead of the page.
      event.preventDefault();
      listeners[event.type]!(event as DragEvent);
    };
    for (const type of Object.keys(listeners)) window.addEventListener(type, listen);
    return () => {
      for (const type of Object.keys(listeners)) window.removeEventListener(type, listen);
    };
  }, []);
  return over;
}
