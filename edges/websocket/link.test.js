import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { decode } from '@msgpack/msgpack';
import { Pull } from 'zeromq';
import { Beats } from './beats.js';
import { Link } from './link.js';
import { until } from './test_support.js';

/** A collector; where it listens is in `endpoint`. */
async function collector(endpoint = 'tcp://127.0.0.1:*') {
  const pull = new Pull({ receiveTimeout: 10_000, linger: 0 });
  await pull.bind(endpoint);
  return {
    endpoint: pull.lastEndpoint,
    receive: async () => decode((await pull.receive())[0]),
    close: () => pull.close(),
    // Closing alone takes connections for a moment more.
    leave: () => pull.unbind(pull.lastEndpoint).then(() => pull.close()),
  };
}

function linkTo(endpoint, clock = { ms: 0 }, look = undefined) {
  const beats = new Beats();
  const link = new Link({ collectors: [endpoint], edge: 'e1', beats, now: () => clock.ms, look });
  return { beats, link, clock };
}

/** Flushes as the gateway's timer does until something of it was taken. */
const flushed = (link) => until(async () => (await link.flush(), link.sent > 0));

test('while the collector is away beats wait, and go out with their age when it is back', async () => {
  const first = await collector();
  await first.leave();
  const { beats, link, clock } = linkTo(first.endpoint);
  for (let n = 0; n < 5_000; n += 1) {
    beats.beat(`u${n % 10}`, '1', (clock.ms += 1));
    await link.flush(); // neither waits nor throws
  }
  beats.bye('u0', '1', clock.ms);
  assert.equal(link.sent, 0);
  assert.equal(link.refused, 5_000);
  assert.equal(beats.size, 10);

  const back = await collector(first.endpoint);
  await flushed(link);
  const { edge, seq, beats: items } = await back.receive();
  assert.deepEqual([edge, seq], ['e1', 1]);
  assert.deepEqual(items.map(({ user }) => user).sort(), Array.from({ length: 10 }, (_, n) => `u${n}`));
  for (const { user, age_ms: age, bye } of items) {
    const since = (10 - Number(user[1]) - 1) % 10; // u9 beat last
    assert.deepEqual([age ?? 0, bye], user === 'u0' ? [0, true] : [since, undefined], user);
  }
  link.close();
  back.close();
});

test('a silent edge speaks each second, and no more often', async () => {
  const there = await collector();
  const { beats, link, clock } = linkTo(there.endpoint);
  beats.beat('a', '1', 0);
  await flushed(link);
  for (clock.ms = 50; clock.ms <= 10_000; clock.ms += 50) await link.flush();
  beats.beat('b', '1', clock.ms);
  await link.flush();
  const told = [];
  do told.push(await there.receive());
  while (told.at(-1).beats[0]?.user !== 'b');
  told.forEach(({ seq }, n) => assert.equal(seq, n + 1));
  const leases = told.slice(1, -1);
  assert.ok(leases.every((message) => message.beats.length === 0));
  assert.ok(leases.length >= 10 && leases.length <= 12, `${leases.length} leases in 10 s`);
  for (let n = 1; n < told.length; n += 1) assert.ok(told[n].sent_ms - told[n - 1].sent_ms <= 1_000);
  link.close();
  there.close();
});

test('an error of the socket is counted and told, and loses nothing', async (t) => {
  const there = await collector();
  const { beats, link } = linkTo(there.endpoint);
  const told = t.mock.method(console, 'error', () => {});
  link.close();
  beats.beat('a', '1', 0);
  for (let n = 0; n < 3; n += 1) await link.flush();
  assert.equal(link.failed, 3);
  assert.equal(beats.size, 1);
  assert.equal(told.mock.callCount(), 1);
  there.close();
});

test('a collector is found by name, also where a name server was silent at first', async () => {
  const there = await collector();
  const port = there.endpoint.split(':').at(-1);
  let answer;
  const look = (name) => (assert.equal(name, 'c1.example'), new Promise((resolve) => (answer = resolve)));
  const { beats, link } = linkTo(`tcp://c1.example:${port}`, undefined, look);
  beats.beat('a', '1', 0);
  await link.flush();
  assert.equal(link.sent, 0);
  answer([
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]);
  await flushed(link);
  assert.equal((await there.receive()).beats[0].user, 'a');
  link.close();
  there.close();
});

test('after another program has answered at its address a collector is found again', async () => {
  let met = 0;
  const stranger = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.alloc(200, 0xff), () => (met += 1)));
  });
  await new Promise((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const endpoint = `tcp://127.0.0.1:${stranger.address().port}`;
  const { beats, link, clock } = linkTo(endpoint);
  await until(() => met > 0);
  await new Promise((resolve) => stranger.close(resolve));
  const there = await collector(endpoint);
  beats.beat('a', '1', 0);
  await until(async () => ((clock.ms += 100), await link.flush(), link.sent > 0));
  assert.equal((await there.receive()).beats[0].user, 'a');
  link.close();
  there.close();
});
