import { Injectable } from '@nestjs/common';

/** A placeholder for your mail service. */
@Injectable()
export class Mailer {
  /** If a mail service gets the same key twice, it sends only one mail. */
  async send(to: string, text: string, { key }: { key: string }): Promise<void> {
    console.log(`mail to ${to}: ${text} (${key})`);
  }
}
