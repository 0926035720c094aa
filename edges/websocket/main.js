import os from 'node:os';
import { Gateway } from './gateway.js';

const env = process.env;
const gateway = new Gateway({
  port: Number(env.PORT ?? 8080),
  host: env.HOST ?? '127.0.0.1',
  collectors: (env.COLLECTORS ?? 'tcp://127.0.0.1:7400').split(','),
  edge: env.EDGE ?? os.hostname(),
  pingMs: Number(env.PING_MS ?? 10_000),
  flushMs: Number(env.FLUSH_MS ?? 50),
  sessionsMax: Number(env.SESSIONS_MAX ?? 100_000),
});

try {
  const port = await gateway.start();
  console.log(`gateway: ws://${env.HOST ?? '127.0.0.1'}:${port}/?user=ID`);
} catch (error) {
  console.error(`gateway: ${error.message}`);
  process.exit(69);
}
for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, async () => {
    await gateway.stop();
    setTimeout(() => process.exit(0), 1_000).unref();
  });
