import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { decodedBody } from './http-decoding.js';

async function read(encoding: string, chunks: Buffer[]): Promise<string> {
  const response = Object.assign(Readable.from(chunks), { headers: { 'content-encoding': encoding }, statusCode: 200 });
  const body: Buffer[] = [];
  for await (const chunk of decodedBody(response as unknown as IncomingMessage)) body.push(chunk);
  return Buffer.concat(body).toString();
}

it('unpacks all members of a gzip body', async () => {
  const members = [zlib.gzipSync('one '), zlib.gzipSync('two')];
  await expect(read('gzip', members)).resolves.toBe('one two');
  await expect(read('gzip', [Buffer.concat(members)])).resolves.toBe('one two');
});

const pack = (text: string) => zlib.zstdCompressSync(text);

// Node 22 has zstd from 22.15 on.
const describeZstd = 'zstdCompressSync' in zlib ? describe : describe.skip;

describeZstd('a zstd body', () => {
  it.each([
    ['one frame', () => [pack('one')], 'one'],
    ['one frame in small pieces', () => [...pack('one')].map((byte) => Buffer.of(byte)), 'one'],
    ['a large frame', () => [pack('x'.repeat(200_000))], 'x'.repeat(200_000)],
    ['a frame for each chunk', () => [pack('one '), pack('two')], 'one two'],
  ])('is unpacked: %s', async (_what, chunks, text) => {
    await expect(read('zstd', chunks())).resolves.toBe(text);
  });

  it.each([
    ['two frames in one chunk', () => [Buffer.concat([pack('one '), pack('two')])]],
    ['two frames in one chunk, and a third', () => [Buffer.concat([pack('one '), pack('two')]), pack('three')]],
    ['a large frame and another', () => [Buffer.concat([pack('x'.repeat(200_000)), pack('two')])]],
    ['other data after a frame', () => [Buffer.concat([pack('one'), Buffer.from('other')])]],
  ])('fails rather than succeeds with a part: %s', async (_what, chunks) => {
    await expect(read('zstd', chunks())).rejects.toThrow(/zstd frame/);
  });
});
