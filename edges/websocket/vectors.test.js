import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import { envelopeOf } from './link.js';

const file = new URL('../../tests/vectors/heartbeats.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')).good;

/** A message as docs/protocol.md tells to read it. */
function read(message) {
  const { beats, ...envelope } = message?.beats ? message : { beats: [message].flat() };
  const items = beats.map((item) => (typeof item === 'string' ? { user: item } : item));
  return message?.beats ? { envelope, beats: items } : { beats: items };
}

test('what is encoded as ours is reads as the golden vectors say', () => {
  const ours = vectors.filter(({ encodes }) => encodes);
  assert.ok(ours.length > 5);
  for (const { name, hex, envelope, beats } of ours)
    assert.deepEqual(read(decode(Buffer.from(hex, 'hex'))), envelope ? { envelope, beats } : { beats }, name);
});

test('an envelope of a gateway is its golden vector, byte for byte', () => {
  for (const wanted of ['an envelope of a gateway', 'an empty envelope is a lease']) {
    const { hex, envelope, beats } = vectors.find(({ name }) => name === wanted);
    const { edge, boot, seq, sent_ms: now } = envelope;
    const items = beats.map(({ user, session, age_ms: age = 0, bye = false }) => ({
      user, session, at: now - age, bye,
    }));
    const message = encode(envelopeOf(edge, boot, seq, now + 0.5, items));
    assert.equal(Buffer.from(message).toString('hex'), hex, wanted);
  }
});
