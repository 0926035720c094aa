// Opens websocket connections for a test and ends them as told, line by line on stdin:
//   open USER N | close USER | cut USER | exit
// Answers each line on stdout. `close` and `cut` end all connections of the user, or the first N.
import { createRequire } from 'node:module';
import readline from 'node:readline';

const require = createRequire(new URL('../../edges/websocket/package.json', import.meta.url));
const WebSocket = require('ws');
const url = process.argv[2];
const connections = new Map(); // user -> [WebSocket]

function open(user) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${url}/?user=${encodeURIComponent(user)}`);
    ws.once('open', resolve);
    ws.once('error', reject);
    connections.set(user, [...(connections.get(user) ?? []), ws]);
  });
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command, user, count] = line.split(' ');
  if (command === 'exit') process.exit(0);
  if (command === 'open') await Promise.all(Array.from({ length: Number(count) }, () => open(user)));
  const ended = (connections.get(user) ?? []).slice(0, count ? Number(count) : undefined);
  if (command === 'close') for (const ws of ended) ws.close(1000);
  if (command === 'cut') for (const ws of ended) ws._socket.destroy();
  console.log(`${command} ${user}`);
}
