/**
 * What has to be told to a collector, newest per session. Pure: the caller supplies the time (ms,
 * monotonic). Memory is bounded by `max` sessions.
 */

const BYTES_MAX = 60_000; // of a message; the contract's limit is 64 KiB
const BYTES_ITEM = 48; // an item without its user and session

export class Beats {
  #waiting = new Map(); // key -> {user, session, at, bye}, oldest first
  #max;
  dropped = 0;

  constructor(max = 100_000) {
    this.#max = max;
  }

  get size() {
    return this.#waiting.size;
  }

  /** A sign of life. Of one session the newest counts; after its bye there is none. */
  beat(user, session, at) {
    this.#put({ user, session, at, bye: false });
  }

  /** The session has ended. */
  bye(user, session, at) {
    this.#put({ user, session, at, bye: true });
  }

  /** Takes what fits into one message. */
  take() {
    const items = [];
    let bytes = 0;
    for (const [key, item] of this.#waiting) {
      bytes += BYTES_ITEM + Buffer.byteLength(item.user) + item.session.length;
      if (bytes > BYTES_MAX) break;
      items.push(item);
      this.#waiting.delete(key);
    }
    return items;
  }

  /** Items that could not be sent wait on, unless something newer is known of their session. */
  putBack(items) {
    for (const item of items) {
      const newer = this.#waiting.get(keyOf(item));
      if (!newer || (item.bye && !newer.bye)) this.#put(item);
    }
  }

  #put(item) {
    const key = keyOf(item);
    const known = this.#waiting.get(key);
    if (known?.bye && !item.bye) return;
    if (!known && this.#waiting.size >= this.#max && !this.#makeRoom(item.bye)) return;
    this.#waiting.set(key, item);
  }

  // A bye displaces the oldest beat: a lost beat is followed by another, a lost bye by nothing.
  #makeRoom(forBye) {
    this.dropped += 1;
    if (!forBye) return false;
    for (const [key, item] of this.#waiting) {
      if (item.bye) continue;
      this.#waiting.delete(key);
      return true;
    }
    return false;
  }
}

const keyOf = ({ user, session }) => `${session} ${user}`;
