import { useMemo } from 'react';
import type { Cell } from '../engine/protocol';
import { FailureBox } from '../parts/failure';
import { useRows } from '../parts/rows';
import { navigate } from '../route';

interface Statement {
  topic: string;
  text: string;
  confidence: string;
  address: string | null;
}

const statementOf = ([topic, text, confidence, address]: Cell[]): Statement => ({
  topic: String(topic),
  text: String(text),
  confidence: String(confidence),
  address: address == null ? null : String(address),
});

// What other parts of the page show.
const elsewhere = ['cause', 'said', 'missing'];

/** How it died in one sentence, and what was found; each statement leads to the bytes that it was read from. */
export function Analysis() {
  const rows = useRows('analysis', {});
  const statements = useMemo(
    () =>
      Array.from({ length: rows.matched ?? 0 }, (_, index) => rows.row(index))
        .filter((row) => row !== undefined)
        .map(statementOf),
    // A new answer has a new `row`.
    [rows],
  );
  if (rows.failure) return <FailureBox failure={rows.failure} />;
  if (rows.loading && statements.length === 0) return <p className="dim">reading…</p>;
  const cause = statements.find((statement) => statement.topic === 'cause');
  // The stack of the thread that panicked has a panel of its own.
  const ofAnother = statements.filter(({ topic }) => topic === 'thread').length > 1;
  const shown = statements.filter(({ topic }) => !elsewhere.includes(topic) && (topic !== 'frame' || ofAnother));
  const topics = [...new Set(shown.map(({ topic }) => topic))];
  return (
    <>
      {cause && (
        <p className="cause">
          {cause.text}
          {cause.confidence !== 'certain' && <span className="dim"> ({cause.confidence})</span>}
        </p>
      )}
      <dl className="facts narrow findings">
        {topics.map((topic) => (
          <div key={topic}>
            <dt>{topic}</dt>
            <dd>
              {shown
                .filter((statement) => statement.topic === topic)
                .map(({ text, address, confidence }, index) => (
                  <p key={index}>
                    {address === null ? (
                      text
                    ) : (
                      <button type="button" className="link" title={`Show the memory at ${address}`} onClick={() => navigate({ view: 'memory', at: address })}>
                        {text}
                      </button>
                    )}
                    {confidence !== 'certain' && <span className="dim"> ({confidence})</span>}
                  </p>
                ))}
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}
