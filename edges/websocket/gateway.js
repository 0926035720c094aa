import http from 'node:http';
import { WebSocketServer } from 'ws';
import { Beats } from './beats.js';
import { faultOfId } from './ids.js';
import { Link } from './link.js';

const POLICY_VIOLATION = 1008;
const GOING_AWAY = 1001;
const CUT = 1006; // no close frame came

/** The one place to replace: who is this? Returns the user's id, or null. Must not throw. */
export function userOf(request) {
  // Not new URL(): it throws for what a client may well send, such as `//`.
  return new URLSearchParams(request.url.split('?', 2)[1] ?? '').get('user');
}

/**
 * Websocket connections in, heartbeats out. A connection's messages and pongs are signs of life of
 * its user; a clean close ends its session at once, a cut one by silence.
 */
export class Gateway {
  #options;
  #beats;
  #link;
  #sessions = 0;
  #boot = Date.now().toString(36);
  #sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false });
  #server = http.createServer((request, response) => this.#answer(request, response));
  #timers = [];
  #stopping = false;
  refused = 0;

  /** {port, host, collectors, edge, pingMs, flushMs, sessionsMax, authenticate} */
  constructor(options) {
    const now = () => performance.now();
    this.#options = { authenticate: userOf, now, ...options };
    this.#beats = new Beats(options.sessionsMax);
    this.#link = new Link({ ...options, beats: this.#beats, now });
    this.#server.on('upgrade', (request, socket, head) =>
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#open(ws, request)),
    );
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
    for (const ws of this.#sockets.clients) ws.close(GOING_AWAY, 'gateway restarts');
    await this.#link.flush();
    this.#link.close();
    this.#server.close();
    setTimeout(() => this.#sockets.clients.forEach((ws) => ws.terminate()), 500).unref();
  }

  counters() {
    return {
      connections: this.#sockets.clients.size,
      refused: this.refused,
      beats_sent: this.#link.sent,
      sends_refused: this.#link.refused,
      beats_waiting: this.#beats.size,
      beats_dropped: this.#beats.dropped,
    };
  }

  #open(ws, request) {
    const user = this.#options.authenticate(request);
    const fault = faultOfId(user);
    ws.on('error', () => {}); // a close follows
    if (fault) {
      this.refused += 1;
      ws.close(POLICY_VIOLATION, fault);
      return;
    }
    const session = `${this.#boot}.${++this.#sessions}`;
    const beat = () => {
      ws.alive = true;
      this.#beats.beat(user, session, this.#options.now());
    };
    beat();
    ws.on('message', beat);
    ws.on('pong', beat);
    ws.on('close', (code) => {
      if (code !== CUT && !this.#stopping) this.#beats.bye(user, session, this.#options.now());
    });
  }

  // Whoever did not answer the last ping is gone; without a bye, as nobody said so.
  #ping() {
    for (const ws of this.#sockets.clients) {
      if (ws.alive === false) ws.terminate();
      ws.alive = false;
      if (ws.readyState === ws.OPEN) ws.ping();
    }
  }

  #answer(request, response) {
    const known = request.url === '/healthz';
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known ? this.counters() : { error: 'try /healthz' }) + '\n');
  }
}
