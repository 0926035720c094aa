import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decode } from '@msgpack/msgpack';
import { Beats } from './beats.js';
import { userOf } from './gateway.js';
import { faultOfId } from './ids.js';
import { envelopeOf } from './link.js';

test('of one session the newest counts', () => {
  const beats = new Beats();
  beats.beat('a', '1', 10);
  beats.beat('a', '2', 11);
  beats.beat('a', '1', 20);
  assert.deepEqual(beats.take().map(({ session, at }) => [session, at]), [['1', 20], ['2', 11]]);
  assert.equal(beats.size, 0);
});

test('a bye is never displaced by a beat, waiting or put back', () => {
  const beats = new Beats();
  beats.beat('a', '1', 10);
  const unsent = beats.take();
  beats.bye('a', '1', 11);
  beats.putBack(unsent);
  beats.beat('a', '1', 12);
  assert.deepEqual(beats.take(), [{ user: 'a', session: '1', at: 11, bye: true }]);
  const bye = { user: 'a', session: '1', at: 13, bye: true };
  beats.beat('a', '1', 14);
  beats.putBack([bye]);
  assert.deepEqual(beats.take(), [bye]);
});

test('what waits is bounded; a bye finds room, what is dropped is counted', () => {
  const beats = new Beats(2);
  beats.beat('a', '1', 1);
  beats.beat('b', '2', 2);
  beats.beat('c', '3', 3);
  assert.equal(beats.dropped, 1);
  beats.bye('c', '3', 4);
  assert.deepEqual(beats.take().map(({ user }) => user), ['b', 'c']);
  assert.equal(beats.dropped, 2);
});

test('a message stays within 64 KiB', () => {
  const beats = new Beats();
  for (let n = 0; n < 1_000; n += 1) beats.beat('u'.repeat(120) + n, 's'.repeat(60), n);
  const items = beats.take();
  assert.ok(items.length < 1_000);
  assert.equal(items.length + beats.size, 1_000);
});

test('no request line makes the user hook throw', () => {
  assert.equal(userOf({ url: '/?user=a%20b' }), 'a b');
  for (const url of ['//', '', '/', '?', '//?user', '/?user=%ff%', '/\\'])
    assert.doesNotThrow(() => userOf({ url }));
});

test('ids keep the contract', () => {
  for (const good of ['a', 'ünï', '😀', 'x'.repeat(128)]) assert.equal(faultOfId(good), null);
  for (const bad of [null, '', 'x'.repeat(129), 'ü'.repeat(65), 'a\n', 'a\u0080', '\ud800'])
    assert.notEqual(faultOfId(bad), null);
});

test('an envelope has the fields that the golden vectors show', () => {
  const file = new URL('../../tests/vectors/heartbeats.json', import.meta.url);
  const text = readFileSync(file, 'utf8');
  const envelopes = [...text.matchAll(/"(?:hex|bytes)":\s*"([0-9a-f]+)"/g)]
    .map(([, hex]) => {
      try { return decode(Buffer.from(hex, 'hex')); } catch { return null; }
    })
    .filter((value) => value && typeof value === 'object' && 'beats' in value);
  assert.ok(envelopes.length > 0);
  const known = new Set(envelopes.flatMap((envelope) => Object.keys(envelope)));
  const item = { user: 'a', session: '1', at: 5, bye: true };
  const ours = envelopeOf('e1', 7, 3, 105.5, [item]);
  assert.deepEqual(ours, {
    edge: 'e1', boot: 7, seq: 3, sent_ms: 105,
    beats: [{ user: 'a', session: '1', age_ms: 100, bye: true }],
  });
  for (const key of Object.keys(ours)) assert.ok(known.has(key), key);
});
