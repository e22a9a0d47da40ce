// What flagd's evaluator in JavaScript answers, and whether its schemas accept flags. Reads cases from
// standard input; see `judge`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.LLMC_JUDGE_HOME}/`);
const { FlagdCore, MemoryStorage } = require('@openfeature/flagd-core');

const silent = { error() {}, warn() {}, info() {}, debug() {} };
const users = (of) => (Number.isInteger(of) ? Array.from({ length: of }, (_, number) => `user-${number}`) : of);

for (const one of JSON.parse(readFileSync(0, 'utf8'))) {
  const storage = new MemoryStorage(silent);
  let refused = null;
  for (const isStrict of [true, false]) {
    try {
      storage.setConfigurations(one.flags, isStrict);
      break;
    } catch (error) {
      refused ??= error.message;
    }
  }
  const core = new FlagdCore(storage, silent);
  const values = {};
  const answers = users(one.users ?? []).map((targetingKey) => {
    const context = { ...one.attributes, ...(targetingKey === null ? {} : { targetingKey }) };
    const { variant, value, errorCode } = core.resolveObjectEvaluation(one.flag, {}, context, silent);
    if (errorCode) return `!${errorCode}`;
    values[variant] ??= value;
    return variant;
  });
  console.log(JSON.stringify({ answers, refused, values }));
}
