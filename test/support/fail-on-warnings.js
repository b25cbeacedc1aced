import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import NodeEnvironment from 'jest-environment-node';

const HOOK = pathToFileURL(join(import.meta.dirname, 'record-warnings.js'));

/** Jest needs this flag of Node, and Node warns about it. */
const isOfJest = ({ name, message }) => name === 'ExperimentalWarning' && message.startsWith('VM Modules');

/** The environment of all tests. A warning of Node fails the test in which it was emitted: a deprecation, too many listeners,
 *  an unhandled rejection. This holds for the process of the test, and for those that inherit its NODE_OPTIONS. A warning
 *  outside of a test, or of a process that outlives its test, fails the file or a later test. */
export default class FailOnWarnings extends NodeEnvironment {
  constructor(config, context) {
    const file = join(process.env.TEST_SCRATCH ?? tmpdir(), `warnings-${randomUUID()}`);
    const { NODE_OPTIONS } = process.env;
    // Before the constructor, which copies the variables for the test.
    process.env.NODE_OPTIONS = `${NODE_OPTIONS ?? ''} --import=${HOOK.href}?file=${encodeURIComponent(file)}`.trim();
    super(config, context);
    this.file = file;
    this.options = NODE_OPTIONS;
    this.warnings = [];
    this.listener = (warning) => {
      if (!isOfJest(warning)) this.warnings.push(warning.stack ?? String(warning));
    };
    process.on('warning', this.listener);
  }

  async handleTestEvent(event) {
    if (event.name !== 'test_done') return;
    const error = await this.takeError();
    if (error) event.test.errors.push(error);
  }

  async teardown() {
    const error = await this.takeError();
    process.off('warning', this.listener);
    if (this.options === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = this.options;
    await super.teardown();
    if (error) throw error;
  }

  /** The warnings since the last call as one error, or undefined. */
  async takeError() {
    // Node emits a warning in the next tick, and a test that awaits nothing has ended before that.
    await nextTurn();
    const warnings = [...this.warnings.splice(0), ...this.takeRecorded()];
    return warnings.length > 0 ? new Error(`Node has emitted warnings:\n${warnings.join('\n')}`) : undefined;
  }

  /** What other processes have recorded. */
  takeRecorded() {
    try {
      return [readFileSync(this.file, 'utf8')];
    } catch (error) {
      if (error.code === 'ENOENT') return [];
      throw error;
    } finally {
      rmSync(this.file, { force: true });
    }
  }
}
