import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { decode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { Pull } from 'zeromq';
import { Gateway, userOf } from './gateway.js';
import { until } from './test_support.js';

const NOBODY = 'tcp://127.0.0.1:1'; // no collector

/** A gateway with this hook, and what opens a connection to it. */
async function gatewayWith(t, options) {
  const gateway = new Gateway({
    port: 0, host: '127.0.0.1', collectors: [NOBODY], edge: 'e1', pingMs: 10_000, flushMs: 10, ...options,
  });
  const port = await gateway.start();
  t.after(() => gateway.stop());
  return { gateway, port, connect: (path = '/', options) => new WebSocket(`ws://127.0.0.1:${port}${path}`, options) };
}

/** A collector that has begun to listen; it ends with the test, however that ends. */
async function collector(t, endpoint = 'tcp://127.0.0.1:*') {
  const pull = new Pull({ receiveTimeout: 10_000, linger: 0 });
  t.after(() => pull.close());
  await pull.bind(endpoint);
  return pull;
}

async function closing(ws) {
  const [code, reason] = await once(ws, 'close');
  return [code, String(reason)];
}

test('no request line makes the user hook throw', () => {
  assert.equal(userOf({ url: '/?user=a%20b' }), 'a b');
  for (const url of ['//', '', '/', '?', '//?user', '/?user=%ff%', '/\\'])
    assert.doesNotThrow(() => userOf({ url }));
});

test('who a connection belongs to may be a promise', async (t) => {
  const authenticate = async ({ url }) => (url === '/alice' ? 'alice' : null);
  const { gateway, connect } = await gatewayWith(t, { authenticate });
  await once(connect('/alice'), 'open');
  assert.deepEqual(await closing(connect('/mallory')), [1008, 'user is missing: connect to /?user=ID']);
  assert.equal(gateway.counters().refused, 1);
  assert.equal(gateway.counters().beats_waiting, 1); // alice's
});

test('a hook that throws, rejects or hangs refuses its connection and ends nothing', async (t) => {
  const told = t.mock.method(console, 'error', () => {});
  const answers = {
    '/throws': () => { throw new Error('no database'); },
    '/rejects': () => Promise.reject(new Error('no database')),
    '/hangs': () => new Promise(() => {}),
    '/alice': () => 'alice',
  };
  const { connect } = await gatewayWith(t, { authenticate: ({ url }) => answers[url](), authenticateMs: 50 });
  for (const path of ['/throws', '/rejects', '/hangs'])
    assert.deepEqual(await closing(connect(path)), [1011, 'authentication failed: try again later'], path);
  assert.deepEqual(
    told.mock.calls.map(({ arguments: [line] }) => line.replace(/.*: /, '')),
    ['no database', 'no database', 'no answer within 50 ms'],
  );
  await once(connect('/alice'), 'open');
});

test('a client that leaves while it is asked who it is leaves nothing behind', async (t) => {
  let answer;
  const asked = new Promise((resolve) => (answer = resolve));
  let begun;
  const beginning = new Promise((resolve) => (begun = resolve));
  const { gateway, connect } = await gatewayWith(t, { authenticate: () => (begun(), asked) });
  const ws = connect();
  ws.on('error', () => {});
  await beginning;
  ws.terminate();
  answer('alice');
  await once(connect(), 'open');
  assert.equal(gateway.counters().connections, 1);
});

test('a connection is ended when three pings in a row found no answer, not before', async (t) => {
  const { connect } = await gatewayWith(t, { pingMs: 200 });
  const ws = connect('/?user=alice', { autoPong: false });
  let pings = 0;
  ws.on('ping', () => { if (++pings === 2) ws.send('alive'); }); // counts as an answer
  assert.deepEqual(await closing(ws), [1006, '']);
  assert.equal(pings, 2 + 3);
});

test('a gateway that stands still for longer than a ping ends nobody for it', async (t) => {
  const { connect } = await gatewayWith(t, { pingMs: 20 });
  const ws = connect('/?user=alice');
  await once(ws, 'open');
  for (let pings = 0; pings < 5 && ws.readyState === WebSocket.OPEN; pings += 1) {
    await Promise.race([once(ws, 'ping'), once(ws, 'close')]);
    for (const until = performance.now() + 50; performance.now() < until; ); // its answer is unread
  }
  assert.equal(ws.readyState, WebSocket.OPEN);
});

test('on SIGTERM it closes its connections without byes, sends what waits, and ends with 0', async (t) => {
  const pull = await collector(t);
  // Flushes seldom, so that what was heard last still waits at the end.
  const env = { ...process.env, PORT: '0', EDGE: 'e1', COLLECTORS: pull.lastEndpoint, FLUSH_MS: '100' };
  const main = spawn(process.execPath, [new URL('main.js', import.meta.url).pathname], { env });
  const [line] = await once(main.stdout, 'data');
  const url = String(line).match(/ws:[^?]*/)[0];
  const ended = once(main, 'exit');
  await pull.receive(); // the first lease: it is connected
  const ws = new WebSocket(`${url}?user=alice`);
  await once(ws, 'open');
  const closed = closing(ws);
  main.kill('SIGTERM');
  assert.deepEqual(await closed, [1001, 'gateway restarts']);
  assert.deepEqual(await ended, [0, null]);
  const items = [];
  while (items.length === 0) items.push(...decode((await pull.receive())[0]).beats);
  assert.deepEqual(items.map(({ user, bye }) => [user, bye]), [['alice', undefined]]);
});

test('it is healthy while a collector takes what it sends, from the first message on', async (t) => {
  const pull = await collector(t);
  const endpoint = pull.lastEndpoint;
  const { port } = await gatewayWith(t, { collectors: [endpoint] });
  const health = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    return [answer.status, (await answer.json()).healthy];
  };
  const becomes = (...expected) => until(async () => isDeepStrictEqual(await health(), expected));
  await becomes(200, true);
  await pull.unbind(endpoint);
  pull.close();
  await becomes(503, false);
  await collector(t, endpoint);
  await becomes(200, true);
});

test('a gateway that never had a collector is not healthy, and says so', async (t) => {
  const { port } = await gatewayWith(t);
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.deepEqual([answer.status, (await answer.json()).healthy], [503, false]);
});

test('how a connection was closed says for how long its user may be back', async (t) => {
  const pull = await collector(t);
  const { connect } = await gatewayWith(t, { collectors: [pull.lastEndpoint] });
  const closed = async (user, ...close) => {
    const ws = connect(`/?user=${user}`);
    await once(ws, 'open');
    ws.close(...close);
    await once(ws, 'close');
  };
  await closed('a', 1000);
  await closed('b', 4001, 'logout');
  await closed('c', 1001);
  await closed('d'); // 1005: no code
  const byes = [];
  while (byes.length < 4) byes.push(...decode((await pull.receive())[0]).beats.filter(({ bye }) => bye));
  const lingers = byes.map(({ user, linger_ms: ms }) => [user, ms]);
  assert.deepEqual(lingers.sort(), [['a', 0], ['b', 0], ['c', 5_000], ['d', 5_000]]);
});
