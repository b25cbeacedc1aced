import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { Container } from './docker.js';

const KEY = 'trial-key-0123456789';
export const KEYS = { API_KEYS: `check:admin:${KEY}` };

/** A container with a ready service, and a client with a key. */
export class Replica {
  private constructor(
    readonly container: Container,
    private readonly address: string,
    readonly readyMs: number,
  ) {}

  /** `begun` is called at once, before the service is ready. */
  static async start(image: string, variables: Record<string, string>, begun: (container: Container) => void) {
    const port = await freePort();
    const began = Date.now();
    const container = await Container.start(image, { ...KEYS, PORT: String(port), ...variables });
    begun(container);
    const address = `http://127.0.0.1:${port}`;
    await eventually(async () => expect((await fetch(`${address}/health/ready`)).status).toBe(200), { within: 60_000 });
    return new Replica(container, address, Date.now() - began);
  }

  async call(method: string, path: string, body?: object) {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const sent = body ? { method, headers, body: JSON.stringify(body) } : { method, headers };
    const answer = await fetch(`${this.address}/api/v1${path}`, sent);
    return (await answer.json()) as { id: string; state: string; items: unknown[] };
  }
}
