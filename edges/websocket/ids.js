const BYTES_MAX = 128;
// Control characters, and halves of surrogate pairs, which are no UTF-8.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;

/** Why `id` can be no user id, or null if it can: the contract of docs/protocol.md. */
export function faultOfId(id) {
  if (typeof id !== 'string' || id === '') return 'user missing: connect to /?user=ID';
  if (Buffer.byteLength(id) > BYTES_MAX) return `user longer than ${BYTES_MAX} bytes`;
  if (FORBIDDEN.test(id)) return 'user has control characters';
  return null;
}
