// Generates docs/openapi.json from dist/, without a database.
import { writeFile } from 'node:fs/promises';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../dist/app.module.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { openApiDocument } from '../../dist/http/openapi.js';

// A preview creates no instances. The document comes from the decorators of the classes alone.
const app = await NestFactory.create(AppModule.with(readEnvironment({}), []), { preview: true, logger: ['error'] });
const text = JSON.stringify(openApiDocument(app), null, 2);
await writeFile(new URL('../../docs/openapi.json', import.meta.url), `${text}\n`);
