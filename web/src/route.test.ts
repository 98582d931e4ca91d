import { describe, expect, it } from 'vitest';
import { fragmentOf, parseRoute, type Route } from './route';

describe('route', () => {
  const routes: Route[] = [
    { view: 'summary' },
    { view: 'memory', at: 'init_task+0x10' },
    { view: 'memory', at: '0xffff', pid: 12 },
    { view: 'memory', at: 'a/b?c#d%', physical: true },
    { view: 'processes', pid: 0 },
  ];
  it.each(routes)('comes back from the fragment: %o', (route) => {
    expect(parseRoute(fragmentOf(route))).toEqual(route);
  });
  it('takes anything for a fragment', () => {
    expect(parseRoute('')).toEqual({ view: 'summary' });
    expect(parseRoute('#memory/%ff?pid=x')).toEqual({ view: 'memory' });
  });
});
