import ts from 'typescript';

const PACKAGES = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api/',
};
/** The parsed files of the type packages, shared by all calls. */
const types = new Map();
const FILE = new URL('manifests.ts', import.meta.url).pathname;

/** Returns one message for each error in the manifests, with the kind and name of the manifest. Errors are unknown fields, values
 *  of a wrong type, and violations of the schema of the kind. */
export async function manifestFaults(manifests) {
  const named = manifests.map((manifest) => ({
    manifest,
    title: `${manifest.kind} ${manifest.metadata?.name}`,
    module: moduleOf(manifest),
  }));
  const faults = await Promise.all(named.map(schemaFaults));
  return [...typeFaults(named), ...faults.flat()];
}

function moduleOf({ apiVersion }) {
  const group = apiVersion.split('/')[0];
  return `${PACKAGES[group] ?? 'kubernetes-models/'}${apiVersion}`;
}

/** Type errors. The compiler also reports unknown fields of an object literal, at any depth. */
function typeFaults(named) {
  const lines = named.map(
    ({ manifest, module }) =>
      `{ const _: import(${JSON.stringify(module)}).I${manifest.kind} = ${JSON.stringify(manifest)}; }`,
  );
  const options = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === FILE || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    if (name === FILE) return ts.createSourceFile(name, `export {};\n${lines.join('\n')}`, ts.ScriptTarget.Latest);
    if (!types.has(name)) types.set(name, getSourceFile(name, ...rest));
    return types.get(name);
  };
  return ts.getPreEmitDiagnostics(ts.createProgram([FILE], options, host)).map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, ' ');
    if (file?.fileName !== FILE) return text;
    return `${named[file.getLineAndCharacterOfPosition(start).line - 1].title}: ${text}`;
  });
}

/** Violations of patterns, enumerations and required fields in the schema of the kind. */
async function schemaFaults({ manifest, module, title }) {
  try {
    const { [manifest.kind]: Kind } = await import(module);
    new Kind(manifest).validate();
    return [];
  } catch (error) {
    return [`${title}: ${error.message}`];
  }
}
