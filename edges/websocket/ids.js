// Control characters, and halves of surrogate pairs, which are no UTF-8.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;

/** Why `text` can be no id or name, or null if it can: the contract of docs/protocol.md. */
function faultOf(text, bytesMax) {
  if (typeof text !== 'string' || text === '') return 'is missing';
  if (Buffer.byteLength(text) > bytesMax) return `is longer than ${bytesMax} bytes`;
  if (FORBIDDEN.test(text)) return 'has control characters, or is no UTF-8';
  return null;
}

export const faultOfId = (id) => faultOf(id, 128);

/** Of an edge's or a session's name. */
export const faultOfName = (name) => faultOf(name, 64);
