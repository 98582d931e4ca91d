import { type ReactNode, useEffect, useRef } from 'react';

interface HeadingProps {
  children: ReactNode;
  className?: string;
  /** False where the page has just been loaded. */
  takesFocus?: boolean;
}

/** A view's main heading. It takes the focus when what had it went away with the view before. */
export function Heading({ children, className, takesFocus = true }: HeadingProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (takesFocus && document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [takesFocus]);
  return (
    <h1 ref={heading} tabIndex={-1} className={className}>
      {children}
    </h1>
  );
}
