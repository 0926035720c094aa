/**
 * Which session the connections of a user are: one visit, one session, however many tabs they have. So
 * the bound of sessions that a tracker keeps of a user is one of gateways, not of tabs. Pure: the caller
 * supplies the time (ms, monotonic) and tells a collector what comes out.
 *
 * How a connection ends says what is known of its user:
 * - `left`: they said so. The last one ends the visit.
 * - `away`: the page was closed, or is loaded anew: nobody can tell yet. They have `lingerMs` to return,
 *   to this gateway or another: the pipeline waits.
 * - `cut`: nothing is known. Its session is left to silence, as it would be if this had been their only
 *   connection; what goes on has a new one.
 */
export class Visits {
  #visits = new Map(); // user -> {session, connections, until: may be back before}
  #boot;
  #lingerMs;
  #count = 0;

  /** `boot`: of this gateway's run. */
  constructor({ boot, lingerMs }) {
    this.#boot = boot;
    this.#lingerMs = lingerMs;
  }

  /** One more connection. */
  open(user) {
    let visit = this.#visits.get(user);
    if (!visit) this.#visits.set(user, (visit = { session: this.#next(), connections: 0, until: -Infinity }));
    visit.connections += 1;
  }

  /** Of whom a connection is open. */
  sessionOf(user) {
    return this.#visits.get(user).session;
  }

  /**
   * A connection has ended: {beat} a session that is alive, {bye, lingerMs} one that has ended, and for
   * how long its user may be back, or neither.
   */
  end(user, how, now) {
    const visit = this.#visits.get(user);
    visit.connections -= 1;
    if (how === 'away') visit.until = now + this.#lingerMs;
    if (how === 'cut') return this.#cut(user, visit);
    if (visit.connections > 0) return {};
    this.#visits.delete(user);
    // Rounded: a clock with fractions makes 5000.000000001 of 5,000.
    return { bye: visit.session, lingerMs: Math.max(0, Math.round(visit.until - now)) };
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
