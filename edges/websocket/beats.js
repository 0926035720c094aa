/**
 * What has to be told to a collector, newest per session. Pure: the caller supplies the time (ms,
 * monotonic). Memory is bounded: at most `max` sessions that live, and as many that ended.
 */

const BYTES_MAX = 60_000; // of a message; the contract's limit is 64 KiB
const BYTES_ITEM = 64; // an item without its user and session

export class Beats {
  // key -> {user, session, at, bye, lingerMs}; a session is in one of them at most
  #alive = new Map();
  #ended = new Map();
  #max;
  dropped = 0;

  constructor(max = 100_000) {
    this.#max = max;
  }

  get size() {
    return this.#alive.size + this.#ended.size;
  }

  /** A sign of life. Of one session the newest counts; after its bye there is none. */
  beat(user, session, at) {
    const item = { user, session, at, bye: false };
    if (!this.#ended.has(keyOf(item))) this.#put(this.#alive, item);
  }

  /** The session has ended; its user may be back for `lingerMs`. */
  bye(user, session, at, lingerMs) {
    const item = { user, session, at, bye: true, lingerMs };
    this.#alive.delete(keyOf(item));
    this.#put(this.#ended, item);
  }

  /**
   * Takes what fits into one message. Signs of life go first: a user who opened a new connection
   * before the old one closed, or who reloads a page, must not seem to leave in between.
   */
  take() {
    const items = [];
    let bytes = 0;
    for (const waiting of [this.#alive, this.#ended])
      for (const [key, item] of waiting) {
        bytes += BYTES_ITEM + Buffer.byteLength(item.user) + Buffer.byteLength(item.session);
        if (bytes > BYTES_MAX) return items;
        items.push(item);
        waiting.delete(key);
      }
    return items;
  }

  /** Items that could not be sent wait on, unless something newer is known of their session. */
  putBack(items) {
    for (const { user, session, at, bye, lingerMs } of items)
      if (bye) this.bye(user, session, at, lingerMs);
      else if (!this.#alive.has(keyOf({ user, session }))) this.beat(user, session, at);
  }

  #put(waiting, item) {
    const key = keyOf(item);
    if (waiting.has(key) || waiting.size < this.#max) waiting.set(key, item);
    else this.dropped += 1;
  }
}

const keyOf = ({ user, session }) => `${session} ${user}`;
