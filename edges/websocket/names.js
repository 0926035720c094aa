import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

const HOST = /^tcp:\/\/(.+):(\d+)$/;

/** The name in an endpoint, or null if there is an address. */
export function nameIn(endpoint) {
  const host = HOST.exec(endpoint)?.[1];
  return !host || host.startsWith('[') || host === '*' || isIP(host) ? null : host;
}

/**
 * The endpoint with an address in place of its name, IPv4 first. ZeroMQ would look the name up in the
 * thread that serves all collectors, and none of them would be heard while a name server is slow.
 */
export async function withAddress(endpoint, look = lookup) {
  const found = await look(nameIn(endpoint), { all: true });
  const { address, family } = found.find(({ family }) => family === 4) ?? found[0];
  return `tcp://${family === 6 ? `[${address}]` : address}:${HOST.exec(endpoint)[2]}`;
}
