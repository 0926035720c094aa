import assert from 'node:assert/strict';
import test from 'node:test';
import { Beats } from './beats.js';
import { faultOfId, faultOfName } from './ids.js';

test('of one session the newest counts', () => {
  const beats = new Beats();
  beats.beat('a', '1', 10);
  beats.beat('a', '2', 11);
  beats.beat('a', '1', 20);
  assert.deepEqual(beats.take().map(({ session, at }) => [session, at]), [['1', 20], ['2', 11]]);
  assert.equal(beats.size, 0);
  const older = { user: 'a', session: '1', at: 20, bye: false };
  beats.beat('a', '1', 30);
  beats.putBack([older]);
  assert.deepEqual(beats.take().map(({ at }) => at), [30]);
});

test('a bye is never displaced by a beat, waiting or put back', () => {
  const beats = new Beats();
  beats.beat('a', '1', 10);
  const unsent = beats.take();
  beats.bye('a', '1', 11, 0);
  beats.putBack(unsent);
  beats.beat('a', '1', 12);
  assert.deepEqual(beats.take(), [{ user: 'a', session: '1', at: 11, bye: true, lingerMs: 0 }]);
  const bye = { user: 'a', session: '1', at: 13, bye: true, lingerMs: 5 };
  beats.beat('a', '1', 14);
  beats.putBack([bye]);
  assert.deepEqual(beats.take(), [bye]);
});

test('what waits is bounded; byes have room of their own, what is dropped is counted', () => {
  const beats = new Beats(2);
  for (const user of ['a', 'b', 'c']) beats.beat(user, '1', 1);
  assert.equal(beats.dropped, 1);
  for (const user of ['b', 'c', 'd']) beats.bye(user, '1', 2);
  assert.equal(beats.dropped, 2);
  assert.deepEqual(beats.take().map(({ user, bye }) => [user, bye]), [['a', false], ['b', true], ['c', true]]);
});

test('a user who opens a connection before closing another does not seem to leave', () => {
  const beats = new Beats();
  beats.beat('a', 'old', 1);
  beats.beat('a', 'new', 2);
  beats.bye('a', 'old', 3);
  assert.deepEqual(beats.take().map(({ session, bye }) => [session, bye]), [['new', false], ['old', true]]);
});

test('a message stays within 64 KiB', () => {
  const beats = new Beats();
  for (let n = 0; n < 1_000; n += 1) beats.beat('u'.repeat(120) + n, 's'.repeat(60), n);
  const items = beats.take();
  assert.ok(items.length < 1_000);
  assert.equal(items.length + beats.size, 1_000);
});

test('ids keep the contract', () => {
  for (const good of ['a', 'ünï', '😀', 'x'.repeat(128)]) assert.equal(faultOfId(good), null);
  for (const bad of [null, '', 'x'.repeat(129), 'ü'.repeat(65), 'a\n', 'a\u0080', '\ud800'])
    assert.notEqual(faultOfId(bad), null);
  assert.equal(faultOfName('x'.repeat(64)), null);
  assert.notEqual(faultOfName('x'.repeat(65)), null);
});
