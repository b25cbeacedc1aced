import { Injectable } from '@nestjs/common';

/** Stands for your mail service. */
@Injectable()
export class Mailer {
  /** A service that is sent the same key twice sends one mail. */
  async send(to: string, text: string, { key }: { key: string }): Promise<void> {
    console.log(`mail to ${to}: ${text} (${key})`);
  }
}
