// Evaluates flags with OpenFeature's server SDK and its OFREP provider, both as npm has them.
//
//     node openfeature.mjs < request.json
//
// The request: `baseUrl` of an edge, `key` (a server key), and `evaluations`, a list of
// `{"flag", "type": "boolean" | "string" | "number" | "object", "default", "context"}`. An evaluation may have
// `waitFor`, a value: it is repeated until that value comes, for at most `timeoutMs` (30,000 if not given).
//
// The answer: one line of JSON for each, in order, with the evaluation details, and `waitedMs` for those with
// `waitFor`.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { baseUrl, key, evaluations } = JSON.parse(readFileSync(0, 'utf8'));
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

async function evaluate({ flag, type, default: fallback, context = {}, waitFor, timeoutMs = 30_000 }) {
  const ask = () => client[methods[type]](flag, fallback, context);
  if (waitFor === undefined) {
    return ask();
  }
  const start = performance.now();
  for (;;) {
    const details = await ask();
    const waited = Math.round(performance.now() - start);
    if (isDeepStrictEqual(details.value, waitFor) || waited >= timeoutMs) {
      return { ...details, waitedMs: waited };
    }
    await pause(5);
  }
}

for (const evaluation of evaluations) {
  process.stdout.write(`${JSON.stringify(await evaluate(evaluation))}\n`);
}
await OpenFeature.close();
