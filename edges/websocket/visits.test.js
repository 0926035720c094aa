import assert from 'node:assert/strict';
import test from 'node:test';
import { Visits } from './visits.js';

const visits = (options) => new Visits({ boot: 'b', lingerMs: 5_000, ...options });

test('all connections of a user are one session, which ends with the last that is left', () => {
  const v = visits();
  for (let n = 0; n < 20; n += 1) v.open('alice');
  v.open('bob');
  assert.deepEqual([v.sessionOf('alice'), v.sessionOf('bob')], ['b.1', 'b.2']);
  for (let n = 0; n < 19; n += 1) assert.deepEqual(v.end('alice', 'left', n), {});
  assert.equal(v.sessionOf('alice'), 'b.1');
  assert.deepEqual(v.end('alice', 'left', 20), { bye: 'b.1', lingerMs: 0 });
  v.open('alice');
  assert.equal(v.sessionOf('alice'), 'b.3'); // after a bye a session does not come back
});

test('who goes away may be back for a while, in a session of its own', () => {
  const v = visits();
  v.open('alice');
  assert.deepEqual(v.end('alice', 'away', 1_000), { bye: 'b.1', lingerMs: 5_000 });
  v.open('alice');
  assert.equal(v.sessionOf('alice'), 'b.2');
});

test('a clock with fractions makes no linger longer', () => {
  const v = visits();
  for (let now = 0.1; now < 100_000; now += 99.7) {
    v.open('alice');
    assert.equal(v.end('alice', 'away', now).lingerMs, 5_000, `at ${now}`);
  }
});

test('a page that is loaded anew while another is closed for good is waited for', () => {
  const v = visits();
  v.open('alice');
  v.open('alice');
  assert.deepEqual(v.end('alice', 'away', 1_000), {});
  assert.deepEqual(v.end('alice', 'left', 2_000.5), { bye: 'b.1', lingerMs: 4_000 });
});

test('a cut leaves its session to silence, and what goes on has a new one at once', () => {
  const v = visits();
  v.open('alice');
  v.open('alice');
  assert.deepEqual(v.end('alice', 'cut', 1), { beat: 'b.2' });
  assert.equal(v.sessionOf('alice'), 'b.2');
  assert.deepEqual(v.end('alice', 'left', 2), { bye: 'b.2', lingerMs: 0 }); // b.1 may be back within its ttl
  v.open('bob');
  assert.deepEqual(v.end('bob', 'cut', 3), {});
});

test('without a linger who goes away has left', () => {
  const v = visits({ lingerMs: 0 });
  v.open('alice');
  assert.deepEqual(v.end('alice', 'away', 1), { bye: 'b.1', lingerMs: 0 });
});
