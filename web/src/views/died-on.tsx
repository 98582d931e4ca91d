import { duration } from '../format';
import { fragmentOf, type Route } from '../route';
import type { DumpFacts } from '../session';

/** On which thread, where and when; with links to the thread and its process. */
export function DiedOn({ facts }: Pick<DumpFacts, 'facts'>) {
  const number = (name: string) => (typeof facts[name] === 'number' ? facts[name] : undefined);
  const pid = number('crashed_pid');
  const tid = number('crashed_tid');
  const name = facts['crashed_name'];
  const process: Route = { view: 'processes', ...(pid === undefined ? {} : { pid }) };
  const thread: Route = { ...process, view: 'threads', ...(tid === undefined ? {} : { tid }) };
  // A thread without a name is known by the log alone and is in no list.
  const link = (text: string, route: Route) => (name == null ? text : <a href={fragmentOf(route)}>{text}</a>);

  const parts = [];
  if (name != null) parts.push(<b>{link(String(name), thread)}</b>);
  if (pid !== undefined) parts.push(link(`pid ${pid}`, process));
  if (tid !== undefined && tid !== pid) parts.push(link(`tid ${tid}`, thread));
  if (facts['crashed_cpu'] != null) parts.push(`cpu ${String(facts['crashed_cpu'])}`);
  if (parts.length === 0) return <p className="where">It is not known on which thread the kernel died.</p>;

  const when = facts['time'] == null ? null : String(facts['time']).replace('T', ' ').replace('Z', ' UTC');
  const up = typeof facts['uptime'] === 'number' ? `after ${duration(facts['uptime'])}` : null;
  return (
    <p className="where">
      Died on{' '}
      {parts.map((part, index) => (
        <span key={index}>
          {index > 0 && ', '}
          {part}
        </span>
      ))}
      {(when || up) && <span className="dim"> — {[when, up].filter(Boolean).join(', ')}</span>}
    </p>
  );
}
