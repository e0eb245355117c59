// Evaluates flags with OpenFeature's server SDK and its OFREP provider, both as npm has them.
//
//     node openfeature.mjs < request.json
//
// The request: `base_url` of an edge, `key` (a server key), and `evaluations`, a list of
// `{"flag", "type": "boolean" | "string" | "number" | "object", "default", "context"}`. An evaluation may have
// `until`, a value: it is repeated until that value comes, for at most `timeout_ms` (10,000 if not given).
//
// The answer: a JSON list with the evaluation details of each, in order, and `waited_ms` for those with `until`.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { base_url: baseUrl, key, evaluations } = JSON.parse(readFileSync(0, 'utf8'));
await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl, headers: [['Authorization', `Bearer ${key}`]] }),
);
const client = OpenFeature.getClient();

const methods = {
  boolean: 'getBooleanDetails',
  string: 'getStringDetails',
  number: 'getNumberDetails',
  object: 'getObjectDetails',
};

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function evaluate({ flag, type, default: fallback, context = {}, until, timeout_ms: limit = 10_000 }) {
  const ask = () => client[methods[type]](flag, fallback, context);
  if (until === undefined) {
    return ask();
  }
  const start = performance.now();
  for (;;) {
    const details = await ask();
    const waited = Math.round(performance.now() - start);
    if (isDeepStrictEqual(details.value, until) || waited >= limit) {
      return { ...details, waited_ms: waited };
    }
    await pause(5);
  }
}

const answers = [];
for (const evaluation of evaluations) {
  answers.push(await evaluate(evaluation));
}
process.stdout.write(`${JSON.stringify(answers)}\n`);
await OpenFeature.close();
