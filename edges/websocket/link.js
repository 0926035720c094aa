import { encode } from '@msgpack/msgpack';
import { Push } from 'zeromq';
import { nameIn, withAddress } from './names.js';

const LEASE_MS = 900; // a named edge speaks at least each second; flushes come some ms apart

const ANEW_MS = 10_000; // without a message taken; and names are looked up as often

/**
 * Sends what waits in `beats` to the collectors, in envelopes of a named edge, whichever of them
 * takes it. Never blocks, never throws, and never queues behind a collector that is away: what
 * cannot be sent now goes back and waits there, bounded.
 *
 * While nobody takes anything it connects anew, with a new socket: ZeroMQ never tries again where
 * something else than a collector has answered.
 */
export class Link {
  #socket;
  #addresses = new Map(); // of each endpoint, null while its name is not known
  #names;
  #beats;
  #edge;
  #now;
  #boot = Date.now() * 1_000;
  #seq = 0;
  #spoke = -Infinity;
  #connected;
  #flushing = null;
  sending = false; // the last message was taken; one is sent each second at least
  sent = 0;
  refused = 0; // messages for which no collector had room
  failed = 0; // messages that could not be sent for another reason: `failure`
  failure = null;

  /** `now`: a monotonic clock in ms. */
  constructor({ collectors, edge, beats, now, look }) {
    this.#beats = beats;
    this.#edge = edge;
    this.#now = now;
    for (const endpoint of collectors) this.#addresses.set(endpoint, nameIn(endpoint) ? null : endpoint);
    this.#connect();
    const named = collectors.filter(nameIn);
    const lookUp = () => named.forEach((endpoint) => this.#lookUp(endpoint, look));
    lookUp();
    this.#names = setInterval(lookUp, ANEW_MS).unref();
  }

  /**
   * Sends all that waits, or an empty envelope if the edge has been silent for a second. Resolves
   * when that is done, also if another call began it.
   */
  flush() {
    this.#flushing ??= this.#sendAll().finally(() => (this.#flushing = null));
    return this.#flushing;
  }

  close() {
    clearInterval(this.#names);
    this.#socket.close();
  }

  #connect() {
    const before = this.#socket;
    this.#socket = pushTo([...this.#addresses.values()].filter((address) => address !== null));
    this.#connected = this.#now();
    before?.close();
  }

  async #lookUp(endpoint, look) {
    try {
      const address = await withAddress(endpoint, look);
      const before = this.#addresses.get(endpoint);
      if (address === before || this.#socket.closed) return;
      this.#addresses.set(endpoint, address);
      if (address.includes('[')) this.#socket.ipv6 = true;
      this.#socket.connect(address);
      if (before) this.#socket.disconnect(before);
    } catch (error) {
      this.#fail(new Error(`${endpoint}: ${error.message}`));
    }
  }

  async #sendAll() {
    while (this.#beats.size > 0 || this.#now() - this.#spoke >= LEASE_MS)
      if (!(await this.#sendOne())) return;
  }

  async #sendOne() {
    const items = this.#beats.take();
    const now = this.#now();
    try {
      await this.#socket.send(encode(envelopeOf(this.#edge, this.#boot, this.#seq + 1, now, items)));
    } catch (error) {
      this.#beats.putBack(items);
      this.sending = false;
      if (error.code !== 'EAGAIN') this.#fail(error);
      else this.refused += 1;
      if (error.code === 'EAGAIN' && now - Math.max(this.#connected, this.#spoke) >= ANEW_MS) this.#connect();
      return false;
    }
    this.sending = true;
    this.#seq += 1;
    this.#spoke = now;
    this.sent += items.length;
    return true;
  }

  // Nobody waits for a flush of the timer: an error is told here, once, and counted.
  #fail(error) {
    this.failed += 1;
    if (this.failure === error.message) return;
    this.failure = error.message;
    console.error(`gateway: cannot send heartbeats: ${error.message}`);
  }
}

function pushTo(addresses) {
  const socket = new Push({
    immediate: true, // queue only for collectors that are there
    sendHighWaterMark: 1_000,
    sendTimeout: 0,
    linger: 200,
    heartbeatInterval: 500,
    heartbeatTimeout: 2_000, // a collector that is stopped is left
    reconnectInterval: 200,
    reconnectMaxInterval: 10_000,
    ipv6: addresses.some((address) => address.includes('[')),
  });
  for (const address of addresses)
    try {
      socket.connect(address);
    } catch (error) {
      throw new Error(`no collector can be at ${address}: ${error.message}`);
    }
  return socket;
}

/** The message of docs/protocol.md, "Heartbeats". */
export function envelopeOf(edge, boot, seq, now, items) {
  const beats = items.map(({ user, session, at, bye, lingerMs }) => {
    const item = { user, session };
    const age = Math.floor(now - at);
    if (age > 0) item.age_ms = age;
    if (bye) item.bye = true;
    if (bye && lingerMs !== undefined) item.linger_ms = lingerMs;
    return item;
  });
  return { edge, boot, seq, sent_ms: Math.floor(now), beats };
}
