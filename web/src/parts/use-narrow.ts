import { useSyncExternalStore } from 'react';

// The width at which the styles change, too.
const narrow = () => window.matchMedia?.('(max-width: 720px)');

function subscribe(changed: () => void) {
  const query = narrow();
  query?.addEventListener('change', changed);
  return () => query?.removeEventListener('change', changed);
}

/** True on a phone. */
export const useNarrow = () => useSyncExternalStore(subscribe, () => narrow()?.matches ?? false);
