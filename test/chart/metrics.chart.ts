import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { FULL, type Manifest, only, render } from './helm.js';
import { readPromql } from './tools.js';

const ROOT = join(import.meta.dirname, '..', '..');
// Skipped if promtool is not installed.
const describeWithPromtool = spawnSync('promtool', ['--version']).status === 0 ? describe : describe.skip;

let rules: Manifest[];
let expressions: string[];

beforeAll(async () => {
  const full = await render(FULL);
  rules = only(full, 'PrometheusRule')['spec'].groups[0].rules as Manifest[];
  const { data } = only(full, 'ConfigMap', 'rel-scheduler-dashboard');
  const { panels } = JSON.parse(data['cronzimus.json']) as { panels: { targets?: { expr: string }[] }[] };
  const shown = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  // Grafana replaces these variables.
  const filled = shown.map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '6h'));
  expressions = [...rules.map(({ expr }) => expr as string), ...filled];
});

describe('alerts and dashboard', () => {
  it('are PromQL', () => {
    expect(expressions.length).toBeGreaterThan(40);
    expect(expressions.map(readPromql).flatMap(({ fault }) => fault ?? [])).toEqual([]);
  });

  it('select only metrics that docs/metrics.md lists', () => {
    const known = new Set(readFileSync(join(ROOT, 'docs', 'metrics.md'), 'utf8').match(/\bcronzimus_\w+/g));
    const selected = new Set(expressions.flatMap((expression) => readPromql(expression).names));
    const ours = [...selected].filter((name) => name.startsWith('cronzimus_'));
    expect(ours.length).toBeGreaterThan(20);
    expect(ours.filter((name) => !known.has(name) && !known.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
  });

  it('take the maximum of database-wide metrics, and never their sum over replicas', () => {
    const databaseWide =
      /cronzimus_(jobs|occurrences_overdue|overdue_oldest_seconds|queue_depth|scheduler_paused|database_connections|database_max_connections|table_bytes|replicas|job_\w+_timestamp_seconds|(prune|data_loss)_\w+_seconds)\b/;
    const summed = expressions.filter((expression) =>
      new RegExp(`sum(?! by \\(pod\\))[^(]*\\(${databaseWide.source}`).test(expression),
    );
    expect(summed).toEqual([]);
  });

  it('have one section each in docs/runbooks.md, which has no others', () => {
    const runbooks = readFileSync(join(ROOT, 'docs', 'runbooks.md'), 'utf8');
    const sections = [...runbooks.matchAll(/^## (Cronzimus\w+)$/gm)].map(([, name]) => name!);
    const alerts = [...new Set(rules.map(({ alert }) => alert as string))];
    expect(sections.toSorted()).toEqual(alerts.toSorted());
    for (const { alert, annotations } of rules)
      expect(annotations.runbook_url).toBe(
        `https://wiki.example.org/cronzimus/runbooks#${(alert as string).toLowerCase()}`,
      );
  });

  it('can be switched off one by one', async () => {
    const values = ['--set', 'metrics.prometheusRule.alerts.CronzimusMissed.enabled=false'];
    const left = only(await render([...FULL, ...values]), 'PrometheusRule')['spec'].groups[0].rules as Manifest[];
    expect(left.map(({ alert }) => alert)).not.toContain('CronzimusMissed');
    expect(left).toHaveLength(rules.length - 1);
  });

  it('are parsed by a parser that finds errors', () => {
    expect(readPromql('sum by (job (rate(a[5m]))').fault).not.toBeNull();
    expect(readPromql('max(cronzimus_jobs{state=active})').fault).not.toBeNull();
  });
});

/** Runs promtool and returns its exit code. Prints its output when it fails. */
function promtool(folder: string, ...args: string[]): number | null {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) process.stderr.write(stdout + stderr);
  return status;
}

describeWithPromtool('the alerts, as Prometheus evaluates them', () => {
  it('fire when they should, and not otherwise', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cronzimus-rules-'));
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'cronzimus', rules }] }));
    writeFileSync(join(folder, 'alerts.test.yaml'), readFileSync(join(import.meta.dirname, 'alerts.test.yaml')));
    expect([
      promtool(folder, 'check', 'rules', 'rules.yaml'),
      promtool(folder, 'test', 'rules', 'alerts.test.yaml'),
    ]).toEqual([0, 0]);
  });
});
