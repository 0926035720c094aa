// Opens websocket connections for a test and ends them as told, line by line on stdin:
//   open USER N | close USER [N] | away USER [N] | cut USER [N] | reload SECONDS | truth
// Answers each line on stdout. `close`, `away` (as a browser that leaves the page) and `cut` end all connections of the user,
// or the first N; `reload` has each user leave their page and be back on it within 600 ms, again and again, and answers with
// how often, and how many ms it took at worst; `truth` is answered by what became of each user, as JSON: by the clock on the wall, in ms.
import { createRequire } from 'node:module';
import readline from 'node:readline';

const require = createRequire(new URL('../../edges/websocket/package.json', import.meta.url));
const WebSocket = require('ws');
const url = process.argv[2];
const connections = new Map(); // user -> [WebSocket]
const truth = {}; // user -> {opening, signs: the last two, ended}

function open(user) {
  truth[user] ??= { opening: Date.now(), signs: [] };
  const alive = (at = Date.now()) => { truth[user].signs = [...truth[user].signs.slice(-1), at]; };
  alive(Date.now()); // the gateway hears of it some time from now on
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${url}/?user=${encodeURIComponent(user)}`);
    ws.once('open', resolve);
    ws.once('error', reject);
    ws.on('ping', () => alive()); // ws has answered it
    connections.set(user, [...(connections.get(user) ?? []), ws]);
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const upTo = (ms) => Math.random() * ms;

async function reloads(user, end) {
  let [count, worst] = [0, 0];
  for (;;) {
    await sleep(50 + upTo(3_000));
    if (Date.now() > end) return [count, worst];
    const left = Date.now();
    for (const ws of connections.get(user)) ws.close(1001);
    connections.delete(user);
    await sleep(20 + upTo(580));
    await open(user);
    count += 1;
    worst = Math.max(worst, Date.now() - left);
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command, user, count] = line.split(' ');
  if (command === 'truth') {
    console.log(JSON.stringify(truth));
    continue;
  }
  if (command === 'reload') {
    const end = Date.now() + Number(user) * 1_000;
    const all = await Promise.all([...connections.keys()].map((each) => reloads(each, end)));
    console.log(`reload ${all.reduce((sum, [count]) => sum + count, 0)} ${Math.max(...all.map(([, worst]) => worst))}`);
    continue;
  }
  if (command === 'open') await Promise.all(Array.from({ length: Number(count) }, () => open(user)));
  if (command !== 'open') truth[user].ended = Date.now();
  const ended = (connections.get(user) ?? []).slice(0, count ? Number(count) : undefined);
  if (command === 'close') for (const ws of ended) ws.close(1000);
  if (command === 'away') for (const ws of ended) ws.close(1001);
  if (command === 'cut') for (const ws of ended) ws._socket.destroy();
  console.log(`${command} ${user}`);
}
