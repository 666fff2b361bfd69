// Reads Kubernetes objects from standard input, each line a JSON list, and prints for each line what
// is wrong with them as another. Unknown, missing and mistyped keys are found by TypeScript, since
// the object literals are checked against the published types; values (patterns, ranges, quantities)
// by the published schemas. One process answers all: loading the types takes the time.
// Arguments: the node_modules folder that holds typescript and the types.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const modules = process.argv[2];
const require = createRequire(join(modules, "none.cjs"));
const ts = require("typescript");

const PACKAGES = {
  "argoproj.io": "@kubernetes-models/argo-cd",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "policies.kyverno.io": "@kubernetes-models/kyverno",
  "kustomize.toolkit.fluxcd.io": "@kubernetes-models/flux-cd",
  "source.toolkit.fluxcd.io": "@kubernetes-models/flux-cd",
};

const file = join(modules, "objects.ts");
const options = {
  strict: true, noEmit: true, skipLibCheck: true, types: [],
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
const sources = new Map();
host.fileExists = (path) => path === file || fileExists(path);

async function check(objects) {
  const problems = [];
  const lines = [];

  for (const object of objects) {
    const place = `${object.kind} ${object.metadata?.name}`;
    const group = object.apiVersion?.includes("/") ? object.apiVersion.split("/")[0] : "";
    const name = `${PACKAGES[group] ?? "kubernetes-models"}/${object.apiVersion}/${object.kind}`;
    let models;
    try {
      models = await import(pathToFileURL(join(modules, `${name}.js`)));
    } catch {
      problems.push(`${place}: there is no schema for ${object.apiVersion} ${object.kind}`);
      continue;
    }
    try {
      new models[object.kind](object).validate();
    } catch (error) {
      problems.push(`${place}: ${error.message}`);
    }
    const type = `import("${name}").I${object.kind}`;
    lines.push([place, `export const o${lines.length}: ${type} = ${JSON.stringify(object)};`]);
  }

  const text = lines.map(([, line]) => line).join("\n");
  host.getSourceFile = (path, language) => {
    if (path === file) return ts.createSourceFile(path, text, language);
    if (!sources.has(path)) sources.set(path, getSourceFile(path, language));
    return sources.get(path);
  };
  const program = ts.createProgram([file], options, host);
  for (const found of ts.getPreEmitDiagnostics(program)) {
    const message = ts.flattenDiagnosticMessageText(found.messageText, ": ");
    const line = found.file?.fileName === file
      ? found.file.getLineAndCharacterOfPosition(found.start).line : undefined;
    problems.push(`${line === undefined ? found.file?.fileName : lines[line][0]}: ${message}`);
  }
  return problems;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await check(JSON.parse(line))));
}
