import type { ReactNode } from 'react';
import { Privacy } from './privacy';
import { ThemeButton } from './theme';

export function Header({ children }: { children?: ReactNode }) {
  return (
    <header className="top">
      <span className="brand">
        <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
          <rect x="1.5" y="3" width="13" height="10" rx="1" fill="none" stroke="currentColor" strokeWidth="1.4" />
          <path d="M3.5 8h2.2l1.4-2.6 1.8 5 1.3-2.4h2.3" fill="none" stroke="var(--accent)" strokeWidth="1.3" />
        </svg>
        Panicroom
      </span>
      {children}
      <Privacy />
      <ThemeButton />
    </header>
  );
}
