import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { packageVersion } from '../core/package-version.js';
import { addImpliedProblems, type Operation } from './implied-problems.js';
import type { JsonSchema } from './json-schema.js';
import { problemSchema } from './problem-body.js';
import { schemaComponents } from './schema-components.js';

const DESCRIPTION = `Cronzimus runs jobs when they are due, each occurrence once, and keeps a history of all runs.
A *job* binds a task, an input, a trigger and policies. An *occurrence* is one instant of its trigger. A *run* is the
execution of an occurrence. Errors are \`application/problem+json\` with a stable \`code\`. Times are UTC.`;

const TAGS: Record<string, string> = {
  jobs: 'What runs, and when',
  runs: 'Past, current and queued runs',
  tasks: 'The code that jobs run',
  triggers: 'The rules that decide when a job runs',
  scheduler: 'The pause of all jobs, and the replicas',
  audit: 'Who changed what',
  health: 'For probes and for people',
  metrics: 'For Prometheus',
  ledger: 'What became of each occurrence, and why',
  alerts: 'What is wrong now, and the channels to people',
};

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
    .addServer('/', 'The server that serves this document')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'An API key. `x-required-role` is the lowest role that a route accepts',
    })
    .addSecurityRequirements('bearer');
  for (const [tag, description] of Object.entries(TAGS)) builder.addTag(tag, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    standardSchemaConverter: convert,
    operationIdFactory,
  });
  rejectMissing(components.keys(), document);
  for (const { path, method, operation } of operationsOf(document)) {
    addImpliedProblems(path, method, operation);
    if (operation['x-required-role'] === 'public') operation.security = [];
  }
  const problem = convert(problemSchema, { schemaType: 'output' })?.components;
  Object.assign(((document.components ??= {}).schemas ??= {}), problem);
  return document;
}

const operationsOf = ({ paths }: OpenAPIObject) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation })),
  );

/** `jobsRun` for `JobsController.run`. */
const operationIdFactory = (controller: string, method: string): string =>
  controller.replace(/Controller$/, '').replace(/^./, (letter) => letter.toLowerCase()) +
  method.replace(/^./, (letter) => letter.toUpperCase());

/** Nest reads the parameters of a query from the schema itself. When the schema has a name, Nest finds only a reference and silently
 *  documents no parameter. */
function rejectMissing(names: Iterable<string>, document: OpenAPIObject): void {
  const text = JSON.stringify(document);
  const missing = [...names].find((name) => !text.includes(`"#/components/schemas/${name}"`));
  if (missing !== undefined) {
    throw new Error(
      `The parameters of the query "${missing}" would be left out: remove .meta({ id }) from its schema.`,
    );
  }
}
