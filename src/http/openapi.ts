import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { addGeneralProblems } from './general-problems.js';
import type { JsonSchema } from './json-schema.js';
import { operationsOf } from './operations-of.js';
import { packageVersion } from '../core/package-version.js';
import { problemSchema } from './problem-body.js';
import { schemaComponents } from './schema-components.js';

const DESCRIPTION = `Cronzimus runs jobs when they are due, each occurrence once, and keeps what became of it.
A *job* binds a task, an input, a trigger and policies; an *occurrence* is one instant of its trigger; a *run* is the
execution of an occurrence. Errors are \`application/problem+json\` with a stable \`code\`. Times are UTC.`;

const TAGS: Record<string, string> = {
  jobs: 'What is to run, and when',
  runs: 'What has run, runs, or is to run next',
  tasks: 'The code that jobs run',
  triggers: 'The rules of when',
  scheduler: 'All jobs at once, and the replicas',
  audit: 'Who changed what',
  health: 'For probes and for people',
  metrics: 'For Prometheus',
};

/** Serves the Swagger UI at `/docs`, with assets of its own, and the document at `/docs-json`. Call it before `listen`. */
export function setUpOpenApi(app: NestExpressApplication): void {
  let document: OpenAPIObject | undefined;
  SwaggerModule.setup('docs', app, () => (document ??= openApiDocument(app)), {
    customSiteTitle: 'Cronzimus',
    raw: ['json'],
    // Null: the page asks no validator on the internet.
    swaggerOptions: { validatorUrl: null, showExtensions: true, displayRequestDuration: true, tagsSorter: 'alpha' },
  });
}

/** The OpenAPI 3.1 document of all routes. Throws when a schema cannot be documented. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const components = new Map<string, JsonSchema>();
  const convert = schemaComponents(components);
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Cronzimus')
    .setDescription(DESCRIPTION)
    .setVersion(packageVersion)
    .setLicense('MIT', 'https://spdx.org/licenses/MIT')
    .addServer('/', 'Where this document comes from')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'An API key; `x-required-role` says which role it needs',
    })
    .addSecurityRequirements('bearer');
  for (const [tag, description] of Object.entries(TAGS)) builder.addTag(tag, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    standardSchemaConverter: convert,
    operationIdFactory,
  });
  refuseLost(components.keys(), document);
  addGeneralProblems(document);
  for (const { operation } of operationsOf(document)) {
    if (operation['x-required-role'] === 'public') operation.security = [];
  }
  const problem = convert(problemSchema, { schemaType: 'output' })?.components;
  Object.assign(((document.components ??= {}).schemas ??= {}), problem);
  return document;
}

/** `jobsRun` for `JobsController.run`. */
const operationIdFactory = (controller: string, method: string): string =>
  controller.replace(/Controller$/, '').replace(/^./, (letter) => letter.toLowerCase()) +
  method.replace(/^./, (letter) => letter.toUpperCase());

/** Nest looks for a query's parameters in the schema itself: behind a name it finds none, and says nothing. */
function refuseLost(names: Iterable<string>, document: OpenAPIObject): void {
  const text = JSON.stringify(document);
  const lost = [...names].find((name) => !text.includes(`"#/components/schemas/${name}"`));
  if (lost !== undefined) {
    throw new Error(`The parameters of the query "${lost}" would be left out: remove .meta({ id }) from its schema.`);
  }
}
