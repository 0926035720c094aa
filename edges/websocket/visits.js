/**
 * Which session the connections of a user are: one visit, one session, however many tabs they have. So
 * the bound of sessions that a tracker keeps of a user is one of gateways, not of tabs. Pure: the caller
 * supplies the time (ms, monotonic) and tells a collector what comes out.
 *
 * How a connection ends says what is known of its user:
 * - `left`: they said so. The last one ends the visit.
 * - `away`: the page was closed, or is loaded anew: nobody can tell yet. They have `lingerMs` to return.
 * - `cut`: nothing is known. Its session is left to silence, as it would be if this had been their only
 *   connection; what goes on has a new one.
 */
export class Visits {
  #visits = new Map(); // user -> {session, connections, until: may be back before}
  #leaving = new Map(); // those without a connection
  #boot;
  #lingerMs;
  #max;
  #count = 0;

  /** `boot`: of this gateway's run. `max`: users who are waited for at once; others leave at once. */
  constructor({ boot, lingerMs, max = 100_000 }) {
    this.#boot = boot;
    this.#lingerMs = lingerMs;
    this.#max = max;
  }

  get leaving() {
    return this.#leaving.size;
  }

  /** One more connection. */
  open(user) {
    let visit = this.#visits.get(user);
    if (!visit) this.#visits.set(user, (visit = { session: this.#next(), connections: 0, until: -Infinity }));
    visit.connections += 1;
    this.#leaving.delete(user);
  }

  /** Of whom a connection is open. */
  sessionOf(user) {
    return this.#visits.get(user).session;
  }

  /** A connection has ended: {beat} a session that is alive, {bye} one that has ended, or neither. */
  end(user, how, now) {
    const visit = this.#visits.get(user);
    visit.connections -= 1;
    if (how === 'away') visit.until = now + this.#lingerMs;
    if (how === 'cut') return this.#cut(user, visit);
    if (visit.connections > 0) return {};
    if (now < visit.until && this.#leaving.size < this.#max) {
      this.#leaving.set(user, visit);
      return how === 'away' ? { beat: visit.session } : {};
    }
    this.#visits.delete(user);
    return { bye: visit.session };
  }

  /** [user, session] of those who have not come back in time; each once. */
  takeLeft(now) {
    const left = [];
    for (const [user, { session, until }] of this.#leaving) {
      if (now < until) continue;
      left.push([user, session]);
      this.#leaving.delete(user);
      this.#visits.delete(user);
    }
    return left;
  }

  #cut(user, visit) {
    if (visit.connections === 0) {
      this.#visits.delete(user);
      return {};
    }
    visit.session = this.#next();
    return { beat: visit.session };
  }

  #next() {
    this.#count += 1;
    return `${this.#boot}.${this.#count}`;
  }
}
