import pino from 'pino';
import { maskOf } from '../core/mask.js';
import { maskedLines, withMask } from './masked-lines.js';

describe('a line of an attempt', () => {
  it.each(['level', 'time', 'msg', 'hostname', 'err', 'fields', 'info', String(process.pid)])(
    'stays a line of the log when its secret is "%s"',
    (secret) => {
      let written = '';
      const logger = pino({ hooks: maskedLines }, { write: (line: string) => (written = line) });
      withMask(maskOf([secret]), () => logger.info({ fields: { [secret]: 1 }, err: new Error(secret) }, `a ${secret}`));
      const line = JSON.parse(written) as Record<string, unknown>;
      const text = secret.length < 4 ? secret : '***';
      expect(line).toMatchObject({ level: 30, time: expect.any(Number), pid: process.pid, msg: `a ${text}` });
      expect(line).toMatchObject({ fields: { [text]: 1 }, err: expect.objectContaining({ message: text }) });
    },
  );

  it.each([
    ['a Buffer', Buffer.from('the secret of it')],
    ['a Uint8Array', new TextEncoder().encode('the secret of it')],
  ])('has no secret in the bytes of %s', (_what, bytes) => {
    let written = '';
    const logger = pino({ hooks: maskedLines }, { write: (line: string) => (written = line) });
    withMask(maskOf(['secret']), () => logger.info({ bytes, fields: { bytes } }, 'text'));
    expect(JSON.parse(written)).toMatchObject({ bytes: '***', fields: { bytes: '***' } });
  });
});
