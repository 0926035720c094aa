import http from 'node:http';
import { WebSocketServer } from 'ws';
import { Beats } from './beats.js';
import { faultOfId } from './ids.js';
import { Link } from './link.js';
import { Visits } from './visits.js';

const NORMAL = 1000;
const GOING_AWAY = 1001;
const CUT = 1006; // no close frame came
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const OWN_CODES = 3000; // and above: the application's
const UNANSWERED_MAX = 3; // pings; a gateway, or a client, that stood still for one is not gone

/**
 * The one place to replace: who is this? The user's id, or null; or a promise of it. What it throws
 * is logged and refuses the connection.
 */
export function userOf(request) {
  // Not new URL(): it throws for what a client may well send, such as `//`.
  return new URLSearchParams(request.url.split('?', 2)[1] ?? '').get('user');
}

/**
 * Websocket connections in, heartbeats out. A connection's messages and pongs are signs of life of
 * its user. A close with 1000, or a code of the application's own, says that they leave; any other
 * clean close that they may be back in a moment (a page that is loaded anew says 1001); a cut connection
 * nothing.
 */
export class Gateway {
  #options;
  #beats;
  #link;
  #visits;
  #sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false });
  #server = http.createServer((request, response) => this.#answer(request, response));
  #timers = [];
  #stopping = false;
  refused = 0;

  /** {port, host, collectors, edge, pingMs, flushMs, lingerMs, sessionsMax, authenticate, authenticateMs} */
  constructor(options) {
    const defaults = { authenticate: userOf, authenticateMs: 10_000, lingerMs: 5_000, now: () => performance.now() };
    this.#options = { ...defaults, ...options };
    this.#beats = new Beats(options.sessionsMax);
    this.#visits = new Visits({
      boot: Date.now().toString(36),
      lingerMs: this.#options.lingerMs,
    });
    this.#link = new Link({ ...this.#options, beats: this.#beats });
    this.#server.on('upgrade', (...upgrade) => this.#upgrade(...upgrade));
  }

  /** Resolves to the port when connections are taken. */
  async start() {
    const { port, host, flushMs, pingMs } = this.#options;
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    this.#timers.push(setInterval(() => this.#link.flush(), flushMs));
    this.#timers.push(setInterval(() => this.#ping(), pingMs));
    return this.#server.address().port;
  }

  /**
   * Ends without byes: its users are about to reconnect to another gateway, and do so well within
   * their ttl, so nobody is told offline because of a deploy.
   */
  async stop() {
    this.#stopping = true;
    this.#timers.forEach(clearInterval);
    this.#server.close();
    for (const ws of this.#sockets.clients) ws.close(GOING_AWAY, 'gateway restarts');
    await this.#link.flush();
    this.#link.close();
    setTimeout(() => this.#sockets.clients.forEach((ws) => ws.terminate()), 500).unref();
  }

  counters() {
    return {
      connections: this.#sockets.clients.size,
      refused: this.refused,
      beats_sent: this.#link.sent,
      sends_refused: this.#link.refused,
      sends_failed: this.#link.failed,
      beats_waiting: this.#beats.size,
      beats_dropped: this.#beats.dropped,
    };
  }

  // Who it is comes first: until then there is no websocket, so nothing can be said on it.
  async #upgrade(request, socket, head) {
    socket.on('error', () => {}); // a close follows
    const { user, code, fault } = await this.#whoIs(request);
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    // Whoever has left meanwhile gets none.
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {});
      if (!fault) return this.#open(ws, user);
      this.refused += 1;
      ws.close(code, fault);
    });
  }

  async #whoIs(request) {
    const { authenticate, authenticateMs } = this.#options;
    try {
      const user = await within(authenticateMs, authenticate(request));
      const fault = faultOfId(user);
      return fault ? { code: POLICY_VIOLATION, fault: `user ${fault}: connect to /?user=ID` } : { user };
    } catch (error) {
      console.error(`gateway: authentication failed: ${error?.message ?? error}`);
      return { code: INTERNAL_ERROR, fault: 'authentication failed: try again later' };
    }
  }

  #open(ws, user) {
    const { now } = this.#options;
    this.#visits.open(user);
    const beat = () => {
      ws.unanswered = 0;
      this.#beats.beat(user, this.#visits.sessionOf(user), now());
    };
    beat();
    ws.on('message', beat);
    ws.on('pong', beat);
    ws.on('close', (code) => {
      if (this.#stopping) return;
      const { beat: alive, bye, lingerMs } = this.#visits.end(user, howEnded(code), now());
      if (alive) this.#beats.beat(user, alive, now());
      if (bye) this.#beats.bye(user, bye, now(), lingerMs);
    });
  }

  // Whoever answered none of the last pings is gone; without a bye, as nobody said so.
  #ping() {
    for (const ws of this.#sockets.clients) {
      if (ws.unanswered === UNANSWERED_MAX) ws.terminate();
      if (ws.readyState !== ws.OPEN) continue;
      ws.unanswered += 1;
      ws.ping();
    }
  }

  // What no collector takes is of no use: a balancer is to send users to a gateway that has one.
  #answer(request, response) {
    const known = request.url === '/healthz';
    const healthy = this.#link.sending && !this.#stopping;
    const [status, body] = known ? [healthy ? 200 : 503, { healthy, ...this.counters() }] : [404, { error: 'try /healthz' }];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body) + '\n');
  }
}

/** As visits.js has it. */
function howEnded(code) {
  if (code === CUT) return 'cut';
  return code === NORMAL || code >= OWN_CODES ? 'left' : 'away';
}

/** What `promise` comes to, or an error if that takes longer than `ms`. */
async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
