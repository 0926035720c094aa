import { encode } from '@msgpack/msgpack';
import { Push } from 'zeromq';

const LEASE_MS = 900; // a named edge speaks at least each second; flushes come some ms apart

/**
 * Sends what waits in `beats` to the collectors, in envelopes of a named edge, whichever of them
 * takes it. Never blocks and never queues behind a collector that is away: what cannot be sent now
 * goes back and waits there, bounded.
 */
export class Link {
  #socket = new Push({
    immediate: true, // queue only for collectors that are there
    sendHighWaterMark: 1_000,
    sendTimeout: 0,
    linger: 200,
    heartbeatInterval: 500,
    heartbeatTimeout: 2_000,
    reconnectInterval: 200,
    reconnectMaxInterval: 10_000,
  });
  #beats;
  #edge;
  #now;
  #boot = Date.now() * 1_000;
  #seq = 0;
  #spoke = -Infinity;
  #busy = false;
  sent = 0;
  refused = 0;

  /** `now`: a monotonic clock in ms. */
  constructor({ collectors, edge, beats, now }) {
    this.#beats = beats;
    this.#edge = edge;
    this.#now = now;
    for (const endpoint of collectors) this.#socket.connect(endpoint);
  }

  /** Sends all that waits, or an empty envelope if the edge has been silent for a second. */
  async flush() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#beats.size > 0 || this.#now() - this.#spoke >= LEASE_MS)
        if (!(await this.#sendOne())) return;
    } finally {
      this.#busy = false;
    }
  }

  close() {
    this.#socket.close();
  }

  async #sendOne() {
    const items = this.#beats.take();
    const now = this.#now();
    try {
      await this.#socket.send(encode(envelopeOf(this.#edge, this.#boot, this.#seq + 1, now, items)));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      this.#beats.putBack(items);
      this.refused += 1;
      return false;
    }
    this.#seq += 1;
    this.#spoke = now;
    this.sent += items.length;
    return true;
  }
}

/** The message of docs/protocol.md, "Heartbeats". */
export function envelopeOf(edge, boot, seq, now, items) {
  const beats = items.map(({ user, session, at, bye }) => {
    const item = { user, session };
    const age = Math.floor(now - at);
    if (age > 0) item.age_ms = age;
    if (bye) item.bye = true;
    return item;
  });
  return { edge, boot, seq, sent_ms: Math.floor(now), beats };
}
