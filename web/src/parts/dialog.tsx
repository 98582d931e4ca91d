import { type ReactNode, useLayoutEffect, useRef } from 'react';

interface DialogProps {
  open: boolean;
  onClose(): void;
  className?: string;
  'aria-label'?: string;
  'aria-labelledby'?: string;
  children: ReactNode;
}

/** A modal dialog: Escape and a click beside it close it, and the focus goes back to where it was. */
export function Dialog({ open, onClose, children, ...attributes }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect, so that it is closed before the effects of the page below move the focus.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (open && !element?.open) {
      element?.showModal();
      element?.querySelector<HTMLElement>('input, button')?.focus();
    } else if (!open && element?.open) {
      element.close();
      // What had the focus before may be gone.
      if (document.activeElement === document.body) document.querySelector<HTMLElement>('main h1')?.focus();
    }
  }, [open]);
  return (
    <dialog
      ref={dialog}
      {...attributes}
      // The event `close` comes late: by then the dialog may have been opened again.
      onCancel={onClose}
      onClose={() => !dialog.current?.open && onClose()}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      {open && children}
    </dialog>
  );
}
