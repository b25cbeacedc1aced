import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { type Fault, Problem } from '../core/problem.js';
import { faultsOf } from '../core/schema-faults.js';
import { turnOfItsOwn } from '../core/slices.js';
import { unstorable } from '../core/storable-json.js';

/** The schemas that only document a parameter. */
const documenting = new WeakSet<object>();

/** Marks a schema that the pipe does not validate with, because its handler does that elsewhere. */
export function validatedByHandler<S extends object>(schema: S): S {
  documenting.add(schema);
  return schema;
}

/** Validates a parameter with the schema in its decorator, and passes the schema's output to the handler. A parameter without a
 *  schema is passed unchanged. Throws 422 INVALID_BODY for a body, and 400 INVALID_PARAMETER for path, query and headers. */
@Injectable()
export class SchemaPipe implements PipeTransform<unknown, Promise<unknown>> {
  async transform(value: unknown, { type, data, schema }: ArgumentMetadata): Promise<unknown> {
    if (!schema || documenting.has(schema)) return value;
    const problem = type === 'body' ? invalidBody : invalidParameter;
    const base = data === undefined ? [] : [data];
    if (type === 'body' && value === undefined) return await this.absent(schema);
    // To validate a body with a rare trigger takes up to 50 ms.
    if (type === 'body') await turnOfItsOwn();
    const bad = unstorable(data === undefined ? value : { [data]: value });
    if (bad) throw problem([bad]);
    const result = await schema['~standard'].validate(value);
    if (result.issues) throw problem(faultsOf(result.issues, base));
    return result.value;
  }

  private async absent(schema: NonNullable<ArgumentMetadata['schema']>): Promise<unknown> {
    const result = await schema['~standard'].validate(undefined);
    if (result.issues) throw invalidBody([{ path: '', message: 'Send a JSON body' }]);
    return result.value;
  }
}

export const invalidBody = (faults: Fault[]): Problem =>
  new Problem(422, 'INVALID_BODY', summary('body', faults), faults);

export const invalidParameter = (faults: Fault[]): Problem =>
  new Problem(400, 'INVALID_PARAMETER', summary('request', faults), faults);

function summary(what: string, faults: Fault[]): string {
  const [first] = faults;
  const where = first?.path ? `${first.path}: ` : '';
  const rest = faults.length > 1 ? ` (and ${faults.length - 1} more, see errors)` : '';
  return `The ${what} is not valid. ${where}${first?.message ?? ''}${rest}`;
}
