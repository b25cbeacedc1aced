import { median } from './numbers.mjs';

/**
 * Runs each contestant once a round, so that whatever else the machine does meets all of them. A contestant is
 * `{ name, settings, rounds?, run }`, where `run` answers its figures by name; `rounds` is how often at most, for slow ones.
 */
export async function inRounds(count, contestants) {
  const results = contestants.map(({ name, settings }) => ({ name, settings, figures: {}, failed: null }));
  for (let round = 0; round < count; round++)
    for (const [place, contestant] of contestants.entries()) {
      if (round >= (contestant.rounds ?? count)) continue;
      const begun = performance.now();
      try {
        note(results[place], await contestant.run());
      } catch (error) {
        // One that fails says so, and the others go on.
        process.stderr.write(`${error.stack}\n`);
        results[place].failed = error.message;
      }
      const seconds = Math.round((performance.now() - begun) / 1000);
      process.stderr.write(`  round ${round + 1} of ${count}: ${contestant.name}, ${seconds} s\n`);
    }
  return results;
}

function note({ figures }, measured) {
  for (const [name, value] of Object.entries(measured)) {
    const figure = (figures[name] ??= { values: [] });
    figure.values.push(value);
    figure.median = median(figure.values);
  }
}
