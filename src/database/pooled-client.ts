import { Client, type ClientConfig } from 'pg';

/** A client of a pool. If the server ends the session in the moment in which the pool hands the client out, nobody listens
 *  for errors yet, and the error would end the process. The next statement fails with it, so here it is ignored. */
export class PooledClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    this.on('error', () => {});
  }
}
