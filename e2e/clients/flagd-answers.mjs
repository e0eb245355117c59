// What flagd's own engine answers: every flag of FILE for every context of CONTEXTS.json, one JSON object per line.
//
//     node flagd-answers.mjs FILE CONTEXTS.json
import { readFileSync } from 'node:fs';
import { FlagdCore } from '@openfeature/flagd-core';

const [file, contextsFile] = process.argv.slice(2);
if (!file || !contextsFile) {
  console.error('usage: node flagd-answers.mjs FILE CONTEXTS.json');
  process.exit(64);
}

const silent = { error() {}, warn() {}, info() {}, debug() {} };
const definitions = readFileSync(file, 'utf8');
const core = new FlagdCore(undefined, silent);
core.setConfigurations(definitions);

const resolvers = {
  boolean: ['resolveBooleanEvaluation', false],
  string: ['resolveStringEvaluation', ''],
  number: ['resolveNumberEvaluation', 0],
  object: ['resolveObjectEvaluation', {}],
};

const lines = [];
const contexts = JSON.parse(readFileSync(contextsFile, 'utf8'));
for (const [flag, { variants }] of Object.entries(JSON.parse(definitions).flags)) {
  const [resolve, fallback] = resolvers[typeof Object.values(variants)[0]];
  contexts.forEach((context, index) => {
    const { value, variant, reason, errorCode } = core[resolve](flag, fallback, context, silent);
    lines.push(JSON.stringify({ flag, context: index, value, variant, reason, errorCode }));
  });
}
process.stdout.write(lines.join('\n') + '\n');
