import { definitionEvidence } from './explain-evidence.js';
import { type Facts, versionAt } from './explain-facts.js';
import type { Judgement } from './explain.view.js';
import { verdictOfRow } from './verdict-with-row.js';
import { verdictWithoutRow, verdictWithoutVersion } from './verdict-without-row.js';

/** What became of an instant, and why. It is a pure function of the facts. The first row that covers the instant decides. */
export function judge(facts: Facts): Judgement {
  const version = versionAt(facts.versions, facts.at);
  const evidence = version ? [definitionEvidence(version)] : [];
  const found =
    (facts.row && verdictOfRow(facts, facts.row)) ??
    (version ? verdictWithoutRow(facts, version) : verdictWithoutVersion(facts));
  return { ...found, evidence: [...evidence, ...found.evidence] };
}
