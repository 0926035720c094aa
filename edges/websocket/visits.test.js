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
  assert.deepEqual(v.end('alice', 'left', 20), { bye: 'b.1' });
  v.open('alice');
  assert.equal(v.sessionOf('alice'), 'b.3'); // after a bye a session does not come back
});

test('who went away and is back in time was never gone', () => {
  const v = visits();
  v.open('alice');
  assert.deepEqual(v.end('alice', 'away', 1_000), { beat: 'b.1' }); // they were here until now
  assert.deepEqual(v.takeLeft(5_999), []);
  v.open('alice');
  assert.deepEqual(v.takeLeft(100_000), []);
  assert.equal(v.sessionOf('alice'), 'b.1');
});

test('who does not come back has left, once the time is over, and once', () => {
  const v = visits();
  v.open('alice');
  v.end('alice', 'away', 1_000);
  assert.equal(v.leaving, 1);
  assert.deepEqual(v.takeLeft(6_000), [['alice', 'b.1']]);
  assert.deepEqual(v.takeLeft(60_000), []);
  assert.equal(v.leaving, 0);
});

test('a page that is loaded anew while another is closed for good is waited for', () => {
  const v = visits();
  v.open('alice');
  v.open('alice');
  v.end('alice', 'away', 1_000);
  assert.deepEqual(v.end('alice', 'left', 2_000), {});
  assert.deepEqual(v.takeLeft(5_999), []);
  assert.deepEqual(v.takeLeft(6_000), [['alice', 'b.1']]);
});

test('a cut leaves its session to silence, and what goes on has a new one at once', () => {
  const v = visits();
  v.open('alice');
  v.open('alice');
  assert.deepEqual(v.end('alice', 'cut', 1), { beat: 'b.2' });
  assert.equal(v.sessionOf('alice'), 'b.2');
  assert.deepEqual(v.end('alice', 'left', 2), { bye: 'b.2' }); // b.1 may be back within its ttl
  v.open('bob');
  assert.deepEqual(v.end('bob', 'cut', 3), {});
  assert.deepEqual(v.takeLeft(100_000), []);
});

test('without a linger, and beyond the bound of those waited for, who goes away has left', () => {
  const none = visits({ lingerMs: 0 });
  none.open('alice');
  assert.deepEqual(none.end('alice', 'away', 1), { bye: 'b.1' });
  const one = visits({ max: 1 });
  for (const user of ['alice', 'bob']) one.open(user);
  assert.deepEqual(one.end('alice', 'away', 1), { beat: 'b.1' });
  assert.deepEqual(one.end('bob', 'away', 1), { bye: 'b.2' });
});
