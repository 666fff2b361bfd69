#!/usr/bin/env node
// Stand-in for CML 0.20.6, for tests only: it takes the two commands that the workflows use, with
// the arguments that are safe, refuses every other, and makes the calls that CML makes. As CML
// does, it looks for its own comment among the first thirty only.
'use strict';

const fs = require('node:fs');
const {execFileSync} = require('node:child_process');
const {parseArgs} = require('node:util');

function fail(message) {
  console.error(`cml: ${message}`);
  process.exit(1);
}

const {REPO_TOKEN, GITHUB_API_URL, GITHUB_REPOSITORY} = process.env;
const repository = `${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}`;

async function call(method, path, body) {
  const answer = await fetch(`${repository}${path}`, {
    method,
    headers: {authorization: `token ${REPO_TOKEN}`, 'content-type': 'application/json'},
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) fail(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

function parsed(options, argv, count) {
  let found;
  try {
    found = parseArgs({args: argv, options, allowPositionals: true});
  } catch (error) {
    fail(error.message);
  }
  if (found.positionals.length < count) fail(`expected a file, found ${argv.join(' ')}`);
  return found;
}

async function updateComment(argv) {
  const text = {type: 'string'};
  const {values, positionals} = parsed(
    {target: text, publish: text, 'watermark-title': text, driver: text, repo: text}, argv, 1);
  if (positionals.length !== 1) fail('expected one file');
  const target = /^pr\/([1-9]\d*)$/.exec(values.target || '');
  if (!target) fail('--target=pr/NUMBER is needed: without it, CML guesses');
  if (values.publish !== 'false') fail('--publish=false is needed: else files go to a public server');
  const title = values['watermark-title'];
  if (!title) fail('--watermark-title is needed: else any other workflow edits the comment');
  const report = fs.readFileSync(positionals[0], 'utf8');
  if (!report.trim()) fail(`${positionals[0]}: is empty`);
  const sha = process.env.GITHUB_SHA || '';
  const mark = `![](https://cml.dev/watermark.png#${sha} "CML watermark ${title}")`;
  const body = `${report}\n\n${mark}`;
  const ours = `"CML watermark ${title}")`;
  const first = await call('GET', `/issues/${target[1]}/comments`);
  const own = first.filter((comment) => comment.body.includes(ours)).pop();
  const made = own
    ? await call('PATCH', `/issues/comments/${own.id}`, {body})
    : await call('POST', `/issues/${target[1]}/comments`, {body});
  console.log(made.html_url);
}

function git(...words) {
  return execFileSync('git', words, {encoding: 'utf8'}).trim();
}

// CML pushes with its token, whatever the checkout persisted. Here the objects go to the side, and
// the branch is moved through the API, which knows what the token may do.
async function publish(branch) {
  const sha = git('rev-parse', 'HEAD');
  git('push', '--quiet', '--force', git('remote', 'get-url', 'origin'), 'HEAD:refs/cml/objects');
  const headers = {authorization: `token ${REPO_TOKEN}`};
  const there = await fetch(`${repository}/git/ref/heads/${branch}`, {headers});
  if (there.ok) return call('PATCH', `/git/refs/heads/${branch}`, {sha, force: true});
  return call('POST', '/git/refs', {ref: `refs/heads/${branch}`, sha});
}

async function createPull(argv) {
  const text = {type: 'string'};
  const {values, positionals} = parsed(
    {branch: text, title: text, body: text, message: text, 'target-branch': text,
      'user-name': text, 'user-email': text, 'skip-ci': {type: 'boolean'}}, argv, 1);
  if (!values.branch || !values.title) fail('--branch and --title are needed');
  const base = values['target-branch'] || git('rev-parse', '--abbrev-ref', 'HEAD');
  if (base === 'HEAD') fail('--target-branch is needed: the checkout is detached');
  git('config', 'user.name', values['user-name'] || 'Olivaw[bot]');
  git('config', 'user.email', values['user-email'] || 'olivaw@iterative.ai');
  git('checkout', '-B', values.branch);
  // As CML does: of the patterns only what changed, and one that fits nothing is no error.
  const changed = positionals.filter((pattern) => git('status', '--porcelain', '--', pattern));
  if (changed.length) git('add', '--', ...changed);
  if (!git('status', '--porcelain', '--untracked-files=no')) return console.log('');
  const skip = values['skip-ci'] ? ' [skip ci]' : '';
  git('commit', '-m', (values.message || values.title) + skip);
  await publish(values.branch);
  const made = await call('POST', '/pulls', {
    head: values.branch, base, title: values.title, body: values.body || '',
  });
  console.log(made.html_url);
}

async function main() {
  const [group, verb, ...rest] = process.argv.slice(2);
  if (group === '--version') return console.log('0.20.6');
  if (process.env.ITERATIVE_DO_NOT_TRACK !== '1') fail('ITERATIVE_DO_NOT_TRACK=1 is needed');
  if (!REPO_TOKEN) fail('REPO_TOKEN is needed');
  if (group === 'comment' && verb === 'update') return updateComment(rest);
  if (group === 'pr' && verb === 'create') return createPull(rest);
  fail(`the workflows have no business with: ${process.argv.slice(2).join(' ')}`);
}

main().catch((error) => fail(error.stack));
