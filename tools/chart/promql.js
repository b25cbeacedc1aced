import { parser } from '@prometheus-io/lezer-promql';

/** Parses an expression. `fault` is the first syntax error, or null. `names` are the metrics that the expression selects. */
export function readPromql(expression) {
  const names = new Set();
  let fault = null;
  parser.parse(expression).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) fault ??= `at ${from}: ${expression.slice(Math.max(0, from - 20), to + 20)}`;
      if (type.name === 'VectorSelector') names.add(/^[\w:]*/.exec(expression.slice(from))[0]);
    },
  });
  return { fault, names: [...names].filter((name) => name !== '') };
}
