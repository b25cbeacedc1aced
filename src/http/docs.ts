import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, Response } from 'express';
import { openApiDocument } from './openapi.js';

const ASSETS: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-16x16.png': 'image/png',
  'favicon-32x32.png': 'image/png',
};

/** The page, whose other files are below `base`. */
const html = (base: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Cronzimus</title>
    <link rel="stylesheet" href="${base}swagger-ui.css">
    <link rel="icon" type="image/png" href="${base}favicon-32x32.png" sizes="32x32">
    <link rel="icon" type="image/png" href="${base}favicon-16x16.png" sizes="16x16">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${base}swagger-ui-bundle.js"></script>
    <script src="${base}swagger-ui-init.js"></script>
  </body>
</html>
`;

// Null: the page does not send the document to the validator of swagger.io. The header is for browsers without Sec-Fetch-Site.
const INIT = `window.ui = SwaggerUIBundle({
  url: new URL('../docs-json', document.currentScript.src).href,
  dom_id: '#swagger-ui',
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  validatorUrl: null,
  showExtensions: true,
  displayRequestDuration: true,
  tagsSorter: 'alpha',
  requestInterceptor: (request) => {
    request.headers['X-Cronzimus-Request'] = '1';
    return request;
  },
});
`;

interface Page {
  type: string;
  plain: Buffer;
  zipped: Buffer;
  etag: string;
}

/** Serves Swagger UI at `/docs`, without files from other hosts, and the OpenAPI document at `/docs-json`. Anybody may request them, so
 *  each is made and compressed once, and all responses share its bytes. Call it before `listen`. */
export function setUpDocs(app: NestExpressApplication): void {
  const express = app.getHttpAdapter().getInstance();
  const get = (path: string, type: string, read: () => string | Promise<Buffer>) =>
    express.get(path, serve(once(() => pageOf(type, read))));
  const [above, here] = [serve(page('./docs/')), serve(page('./'))];
  express.get('/docs', (request, response) => (request.path.endsWith('/') ? here : above)(request, response));
  express.get('/docs/index.html', here);
  get('/docs/swagger-ui-init.js', 'text/javascript; charset=utf-8', () => INIT);
  for (const [file, type] of Object.entries(ASSETS)) get(`/docs/${file}`, type, () => readFile(pathOf(file)));
  get('/docs-json', 'application/json; charset=utf-8', () => JSON.stringify(openApiDocument(app)));
}

const page = (base: string) => once(() => pageOf('text/html; charset=utf-8', () => html(base)));

const pathOf = (file: string) => createRequire(import.meta.url).resolve(`swagger-ui-dist/${file}`);

async function pageOf(type: string, read: () => string | Promise<Buffer>): Promise<Page> {
  const plain = Buffer.from(await read());
  const etag = `W/"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return { type, plain, zipped: await promisify(gzip)(plain, { level: 9 }), etag };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= read());
}

const serve =
  (read: () => Promise<Page>): ((request: Request, response: Response) => Promise<void>) =>
  async (request, response) => {
    const { type, plain, zipped, etag } = await read();
    response.setHeader('Cache-Control', 'no-cache');
    response.setHeader('ETag', etag);
    response.setHeader('Vary', 'Accept-Encoding');
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    const isZipped = request.acceptsEncodings('gzip') === 'gzip';
    const body = isZipped ? zipped : plain;
    if (isZipped) response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Content-Type', type);
    response.setHeader('Content-Length', body.length);
    response.end(body);
  };
