import { type ReactNode, useRef } from 'react';

interface FilePickerProps {
  onFiles(files: File[]): void;
  className?: string;
  testId?: string;
  children: ReactNode;
}

/** A button that lets the user choose files. */
export function FilePicker({ onFiles, className, testId, children }: FilePickerProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className={className} onClick={() => input.current?.click()}>
        {children}
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid={testId}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          if (files.length) onFiles(files);
        }}
      />
    </>
  );
}
