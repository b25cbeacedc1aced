/** The folders of `src`, from left to right: a file imports from its own folder and from those before it. */
const rooms = [
  'core',
  'config',
  'logging',
  'database',
  'http',
  'auth',
  'metrics',
  'replicas',
  'jobs/definition',
  'tasks',
  'runs/lifecycle',
  'runs/worker',
  'runs/recovery',
  'runs/api',
  'runs',
  'jobs/dispatch',
  'jobs/store',
  'jobs/file',
  'jobs/declared',
  'jobs/api',
  'jobs',
  'scheduler',
  'import',
  'health',
];

/** The files beside the folders, in the same order. */
const files = ['app.module', 'application', 'start', 'main', 'index'];

const inRoom = (room) => `^src/${room}/[^/]+\\.ts$`;
// core and database have folders of their own inside, which are one room with them.
const patternOf = (room) => (['core', 'database', 'import'].includes(room) ? `^src/${room}/` : inRoom(room));
const places = [...rooms.map(patternOf), ...files.map((file) => `^src/${file}\\.ts$`)];
const names = [...rooms, ...files.map((file) => `${file}.ts`)];
const testing = '^src/testing(/|\\.ts$)';

const order = names.slice(0, -1).map((name, index) => ({
  name: `order-${name.replace('/', '-')}`,
  severity: 'error',
  comment: `${name} imports only from what stands before it in the list.`,
  from: { path: places[index] },
  to: { path: places.slice(index + 1) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Every import leads somewhere.',
      from: {},
      to: { couldNotResolve: true },
    },
    { name: 'no-cycle', severity: 'error', comment: 'No file imports itself.', from: {}, to: { circular: true } },
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
      comment: 'Every file is in a folder of the list, so none escapes the order.',
      from: {},
      to: {},
      [end]: { path: '^src/', pathNot: [...places, testing] },
    })),
    ...order,
    {
      name: 'import-is-a-program',
      severity: 'error',
      comment: 'import is a program of its own, started by its main.ts; the service knows nothing of it.',
      from: { pathNot: '^src/import/' },
      to: { path: '^src/import/' },
    },
    {
      name: 'jobs-only-by-their-schema',
      severity: 'error',
      comment: 'tasks and runs know the fields of a job, and nothing else of jobs: a run copies what it needs.',
      from: { path: '^src/(tasks|runs)/' },
      to: { path: '^src/jobs/', pathNot: '^src/jobs/definition/job\\.schema\\.ts$' },
    },
    {
      name: 'order-testing',
      severity: 'error',
      comment: "testing is for users' tests; nothing of the service imports it.",
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
