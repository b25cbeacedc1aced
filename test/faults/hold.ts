import { Client } from 'pg';
import { runSql } from '../support/run-sql.js';
import { eventually } from '../support/eventually.js';

export interface Place {
  table: string;
  event: 'INSERT' | 'UPDATE';
  /** An SQL condition on NEW and OLD. */
  condition: string;
  /** Where sessions wait: before the row is written, or in the COMMIT, which succeeds after the release. */
  when: 'before the row' | 'in the commit';
}

/** A place in the service's transactions at which its sessions can be made to wait. */
export class Hold {
  private static placed = 424_000;

  private constructor(
    private readonly url: string,
    private readonly lock: number,
  ) {}

  static async place(url: string, { table, event, condition, when }: Place): Promise<Hold> {
    const lock = (Hold.placed += 1);
    const trigger =
      when === 'before the row'
        ? `CREATE TRIGGER hold_${lock} BEFORE ${event} ON ${table} FOR EACH ROW`
        : `CREATE CONSTRAINT TRIGGER hold_${lock} AFTER ${event} ON ${table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW`;
    await runSql(
      url,
      `CREATE FUNCTION public.hold_${lock}() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${lock}); RETURN NEW; END $$;
       ${trigger} WHEN (${condition}) EXECUTE FUNCTION public.hold_${lock}()`,
    );
    return new Hold(url, lock);
  }

  /** Does `work` while at least one session waits here, then releases all. Returns the statements of the waiting sessions. */
  async during(work: () => Promise<unknown>): Promise<string[]> {
    const holder = new Client({ connectionString: this.url });
    await holder.connect();
    try {
      await holder.query('SELECT pg_advisory_lock($1)', [this.lock]);
      await eventually(async () => {
        if ((await this.held()).length === 0) throw new Error('nobody came to the hold');
      });
      // Read again: locks and statements are not read at the same moment, and now no session moves.
      const held = await this.held();
      await work();
      return held;
    } finally {
      await holder.end();
    }
  }

  private async held(): Promise<string[]> {
    const sessions = await runSql(
      this.url,
      `SELECT query FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE locktype = 'advisory' AND objid = ${this.lock} AND NOT granted`,
    );
    return sessions.map(({ query }) => query as string);
  }
}
