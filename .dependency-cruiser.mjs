/** The folders of `src`, from left to right: a file imports from its own folder and from those before it. */
const folders = [
  'core',
  'config',
  'logging',
  'database',
  'http',
  'auth',
  'compute',
  'metrics',
  'replicas',
  'jobs/definition',
  'tasks',
  'channels',
  'runs/lifecycle',
  'runs/worker',
  'runs/recovery',
  'runs/api',
  'runs',
  'jobs/history',
  'jobs/dispatch',
  'jobs/store',
  'jobs/file',
  'jobs/declared',
  'jobs/api',
  'jobs',
  'alerts',
  'scheduler',
  'insight',
  'import',
  'health',
];

/** The files directly in `src`. They come after the folders, in this order. */
const files = ['app.module', 'application', 'start', 'main', 'index'];

const inFolder = (folder) => `^src/${folder}/[^/]+\\.ts$`;
// core, database and import have subfolders, which count as part of them.
const patternOf = (folder) => (['core', 'database', 'import'].includes(folder) ? `^src/${folder}/` : inFolder(folder));
const places = [...folders.map(patternOf), ...files.map((file) => `^src/${file}\\.ts$`)];
const names = [...folders, ...files.map((file) => `${file}.ts`)];
const testing = '^src/testing(/|\\.ts$)';

const order = names.slice(0, -1).map((name, index) => ({
  name: `order-${name.replace('/', '-')}`,
  severity: 'error',
  comment: `${name} imports only from folders before it in the list.`,
  from: { path: places[index] },
  to: { path: places.slice(index + 1) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Every import resolves to a file or package.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      comment: 'No file imports itself, directly or through others.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphan',
      severity: 'error',
      comment: 'Every file is imported, is a test, or is an entry point.',
      from: { orphan: true, pathNot: ['\\.(spec|d)\\.ts$', '^src/(main|index|testing)\\.ts$'] },
      to: {},
    },
    ...['from', 'to'].map((end) => ({
      name: `known-folder-${end}`,
      severity: 'error',
      comment: 'Every file is in a folder of the list, so the order applies to all files.',
      from: {},
      to: {},
      [end]: { path: '^src/', pathNot: [...places, testing] },
    })),
    ...order,
    {
      name: 'import-is-a-program',
      severity: 'error',
      comment: 'import is a separate program, started by its own main.ts. The service does not use it.',
      from: { pathNot: '^src/import/' },
      to: { path: '^src/import/' },
    },
    {
      name: 'jobs-only-by-their-schema',
      severity: 'error',
      comment: 'tasks and runs import only the schema of a job from jobs. A run copies the fields that it needs.',
      from: { path: '^src/(tasks|runs)/' },
      to: { path: '^src/jobs/', pathNot: '^src/jobs/definition/job\\.schema\\.ts$' },
    },
    {
      name: 'order-testing',
      severity: 'error',
      comment: "testing is for users' tests. The service does not import it.",
      from: { path: '^src/', pathNot: testing },
      to: { path: testing },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
