import { bytes } from '../format';
import { fragmentOf } from '../route';
import type { DumpFacts } from '../session';

/** How much of physical memory the dump holds. */
export function Coverage({ facts }: Pick<DumpFacts, 'facts'>) {
  const sizes = [
    { name: 'present', size: Number(facts['memory_present'] ?? 0) },
    { name: 'excluded', size: Number(facts['memory_excluded'] ?? 0) },
    { name: 'missing', size: Number(facts['memory_missing'] ?? 0) },
  ];
  const total = sizes.reduce((sum, part) => sum + part.size, 0);
  if (total === 0) return null;
  return (
    <div className="coverage">
      <div className="coverage-bar" aria-hidden="true">
        {sizes.map((part) => (
          <span key={part.name} className={`part-${part.name}`} style={{ flexGrow: part.size / total }} />
        ))}
      </div>
      <ul>
        {sizes.map((part) => (
          <li key={part.name}>
            <span className={`swatch part-${part.name}`} aria-hidden="true" /> {bytes(part.size)} {part.name}
          </li>
        ))}
        <li>
          <a href={fragmentOf({ view: 'ranges' })}>ranges</a>
        </li>
      </ul>
    </div>
  );
}
