import { execFile } from 'node:child_process';
import { appendFile, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBinaries, runProgram } from '../../src/database/embedded/binaries.js';
import { writePrivately } from '../../src/database/embedded/own-files.js';
import { openSite } from '../../src/database/embedded/site.js';
import { eventually } from '../support/eventually.js';
import { runSql } from '../support/run-sql.js';
import { Proxy } from './proxy.js';
import { OwnServer } from './server.js';

const SYNCHRONOUS = { synchronous_standby_names: 'standby' };
const KEPT_WAL = { wal_keep_size: '1GB' };

/** A primary and a standby that streams from it. */
export class StreamingPair {
  private constructor(
    readonly primary: OwnServer,
    readonly standby: OwnServer,
    /** The way from the standby to the primary. */
    readonly link: Proxy,
  ) {}

  /** With `synchronous`, commits on the primary wait until the standby has them on disk. */
  static async start({ synchronous }: { synchronous: boolean }): Promise<StreamingPair> {
    const primary = await OwnServer.start();
    const link = await Proxy.to(primary.url);
    const copy = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'standby-'));
    await primary.whileStopped(async (folder) => {
      await allowReplication(folder);
      await makeStandby(folder, copy, link.url);
    });
    await primary.set(KEPT_WAL);
    const pair = new StreamingPair(primary, await OwnServer.on(copy), link);
    await pair.untilStreaming('async');
    if (!synchronous) return pair;
    await primary.set({ ...KEPT_WAL, ...SYNCHRONOUS });
    await pair.untilStreaming('sync');
    return pair;
  }

  /** Makes the standby a primary. Resolves when it accepts writes. */
  async promote(): Promise<void> {
    await runSql(this.standby.url, 'SELECT pg_promote()');
  }

  async stop(): Promise<void> {
    await this.standby.stop();
    // Its sessions may be waiting for the standby.
    await this.primary.kill().catch(() => {});
    await this.link.close();
  }

  private async untilStreaming(state: string): Promise<void> {
    const read = `SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'`;
    await eventually(async () => expect(await runSql(this.primary.url, read)).toEqual([{ sync_state: state }]));
  }
}

/** Lets the role of the service replicate, see replication, and promote a standby. */
async function allowReplication(folder: string): Promise<void> {
  const { account, cluster } = await openSite(folder);
  const { postgres } = await findBinaries();
  const sql = `ALTER ROLE cronzimus REPLICATION\nGRANT pg_read_all_stats TO cronzimus\nGRANT EXECUTE ON FUNCTION pg_promote TO cronzimus\n`;
  await runProgram(postgres, ['--single', '-D', cluster, 'cronzimus'], account, folder, sql);
  await appendFile(join(cluster, 'pg_hba.conf'), 'host replication cronzimus 127.0.0.1/32 scram-sha-256\n');
}

/** Copies the cluster of a stopped server, as a standby of what `primaryUrl` leads to. */
async function makeStandby(folder: string, copy: string, primaryUrl: string): Promise<void> {
  const { account, cluster } = await openSite(copy);
  const { hostname, port, username, password } = new URL(primaryUrl);
  const files = ['password', 'postgres'].map((name) => join(folder, name));
  await promisify(execFile)('cp', ['-a', ...files, copy]);
  const way = `host=${hostname} port=${port} user=${username} password=${password} application_name=standby`;
  await writePrivately(join(cluster, 'standby.signal'), '', account);
  const settings = `primary_conninfo = '${way}'\nwal_retrieve_retry_interval = '200ms'\n`;
  await writePrivately(join(cluster, 'postgresql.auto.conf'), settings, account);
}
