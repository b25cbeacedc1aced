import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { PinoLogger } from 'nestjs-pino';
import type { DataSource } from 'typeorm';

/** Logs a warning at the start when the service connects as a superuser, which it never needs to be. */
@Injectable()
export class SuperuserWarning implements OnApplicationBootstrap {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly logger: PinoLogger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const [role] = await this.database.query<{ user: string; rolsuper: boolean }[]>(
      'SELECT rolname AS "user", rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user',
    );
    if (role?.rolsuper)
      this.logger.warn(
        { user: role.user },
        'the service connects to its database as a superuser; an ordinary role that owns the schema is enough',
      );
  }
}
