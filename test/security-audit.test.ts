import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..');

/** Runs the audit against a registry that answers a question about vulnerabilities like this, and knows no packages. */
async function audit(status: number, body: object): Promise<{ code: number; lines: string[] }> {
  const registry = createServer((request, response) => {
    request
      .resume()
      .on('end', () => response.writeHead(request.method === 'POST' ? status : 404).end(JSON.stringify(body)));
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  const env = { ...process.env, npm_config_registry: url, npm_config_fetch_retries: '0' };
  const child = spawn('node', ['tools/security/audit.mjs'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  registry.close();
  return { code: code as number, lines: output.trim().split('\n') };
}

describe('the audit of make security', () => {
  it('ends with what was not checked, by lockfile, if the registry has no audit endpoint', async () => {
    const { code, lines } = await audit(404, {});
    expect(lines.at(-1)).toMatch(/^NOT CHECKED: .*bench\/package-lock\.json, package-lock\.json, .*tools\/helm\//);
    expect(code).toBe(0);
  });

  it('fails for a high vulnerability in any lockfile, also in one of the tools', async () => {
    const advisory = { id: 1, url: 'https://example.org/1', title: 'x', severity: 'high', vulnerable_versions: '*' };
    const { code, lines } = await audit(200, { secretlint: [advisory] });
    expect(lines).toContainEqual(expect.stringMatching(/^high: secretlint .* in tools\/security\/package-lock\.json$/));
    expect(code).toBe(1);
  });
});
