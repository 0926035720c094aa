import os from 'node:os';
import { Gateway } from './gateway.js';
import { faultOfName } from './ids.js';

const env = process.env;

/** A whole number from the environment; anything else ends the program with a clear line. */
function number(name, fallback, min, max) {
  const value = env[name] === undefined ? fallback : Number(env[name]);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`${name} is ${env[name]}: a whole number from ${min} to ${max} is needed`);
  return value;
}

function start() {
  const edge = env.EDGE ?? os.hostname();
  const fault = faultOfName(edge);
  if (fault) throw new Error(`EDGE ${fault}`);
  return new Gateway({
    port: number('PORT', 8080, 0, 65_535),
    host: env.HOST ?? '127.0.0.1',
    collectors: (env.COLLECTORS ?? 'tcp://127.0.0.1:7400').split(','),
    edge,
    pingMs: number('PING_MS', 10_000, 100, 3_600_000),
    flushMs: number('FLUSH_MS', 50, 1, 100),
    lingerMs: number('LINGER_MS', 5_000, 0, 600_000),
    sessionsMax: number('SESSIONS_MAX', 100_000, 1, 10_000_000),
  });
}

let gateway;
try {
  gateway = start();
} catch (error) {
  console.error(`gateway: ${error.message}`);
  process.exit(78); // EX_CONFIG
}
try {
  const port = await gateway.start();
  console.log(`gateway: ws://${env.HOST ?? '127.0.0.1'}:${port}/?user=ID`);
} catch (error) {
  console.error(`gateway: ${error.message}`);
  process.exit(69); // EX_UNAVAILABLE
}
for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, async () => {
    await gateway.stop();
    setTimeout(() => process.exit(0), 1_000).unref();
  });
