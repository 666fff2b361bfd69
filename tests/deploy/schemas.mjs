// Reads Kubernetes objects as a JSON list from standard input, and prints what is wrong with them as
// another. Unknown, missing and mistyped keys are found by TypeScript, since the object literals are
// checked against the published types; values (patterns, ranges, quantities) by the published schemas.
// Arguments: the node_modules folder that holds typescript and the types.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
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

const objects = JSON.parse(readFileSync(0, "utf8"));
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

const file = join(modules, "objects.ts");
const options = {
  strict: true, noEmit: true, skipLibCheck: true, types: [],
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
const text = lines.map(([, line]) => line).join("\n");
host.fileExists = (path) => path === file || fileExists(path);
host.getSourceFile = (path, language) =>
  path === file ? ts.createSourceFile(path, text, language) : getSourceFile(path, language);
const program = ts.createProgram([file], options, host);
for (const found of ts.getPreEmitDiagnostics(program)) {
  const message = ts.flattenDiagnosticMessageText(found.messageText, ": ");
  const line = found.file?.fileName === file
    ? found.file.getLineAndCharacterOfPosition(found.start).line : undefined;
  problems.push(`${line === undefined ? found.file?.fileName : lines[line][0]}: ${message}`);
}
console.log(JSON.stringify(problems));
