import { useSyncExternalStore } from 'react';

/** Which view is shown and what of it; kept in the address's fragment, so that "back" works. */
export interface Route {
  view: string;
  /** "memory": the address. "log": the line, counted from 0. */
  at?: string;
  pid?: number;
  tid?: number;
  physical?: boolean;
}

export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#/, '').split('?');
  const [view = '', at] = path.split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return '';
    }
  });
  const parameters = new URLSearchParams(query);
  const integer = (name: string) => {
    const text = parameters.get(name);
    return text !== null && /^-?[0-9]+$/.test(text) ? Number(text) : undefined;
  };
  const route: Route = { view: view || 'summary' };
  if (at) route.at = at;
  const pid = integer('pid');
  const tid = integer('tid');
  if (pid !== undefined) route.pid = pid;
  if (tid !== undefined) route.tid = tid;
  if (parameters.has('physical')) route.physical = true;
  return route;
}

export function fragmentOf(route: Route): string {
  const parameters = new URLSearchParams();
  if (route.pid !== undefined) parameters.set('pid', String(route.pid));
  if (route.tid !== undefined) parameters.set('tid', String(route.tid));
  if (route.physical) parameters.set('physical', '');
  const query = parameters.toString();
  const at = route.at ? `/${encodeURIComponent(route.at)}` : '';
  return `#${encodeURIComponent(route.view)}${at}${query ? `?${query}` : ''}`;
}

function subscribe(changed: () => void) {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
}

export function navigate(route: Route) {
  window.location.hash = fragmentOf(route);
}

/** The same without a step that "back" would lead to; the views hear of it when they are drawn next. */
export const replaceRoute = (route: Route) => window.history.replaceState(null, '', fragmentOf(route));

export const forgetRoute = () =>
  window.history.replaceState(null, '', window.location.pathname + window.location.search);

export function useRoute(): Route {
  const fragment = useSyncExternalStore(subscribe, () => window.location.hash);
  return parseRoute(fragment);
}
