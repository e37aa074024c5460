/* In a worker: searches the number whose key (PBKDF2) begins as the challenge wants, one number after the other. */

const REPORT_EVERY_MS = 100;

self.onmessage = ({ data }) => search(data);

/* Tries `first`, `first + step` … below `tries`; reports how many it has tried so far, and in the end what it has found. */
async function search({ parameters, first, step }) {
  const { cost, keyLength, keyPrefix, data } = parameters;
  const [nonce, salt, prefix] = [parameters.nonce, parameters.salt, keyPrefix].map(bytesOf);
  const method = { name: "PBKDF2", hash: "SHA-256", salt, iterations: cost };
  const password = new Uint8Array(nonce.length + 4);
  password.set(nonce);
  const number = new DataView(password.buffer);
  let [tried, reportedAt] = [0, performance.now()];
  for (let counter = first; counter < data.tries; counter += step) {
    number.setUint32(nonce.length, counter);
    const secret = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const key = new Uint8Array(await crypto.subtle.deriveBits(method, secret, keyLength * 8));
    tried += 1;
    if (prefix.every((byte, index) => key[index] === byte)) {
      postMessage({ tried, solution: { counter, derivedKey: textOf(key) } });
      return;
    }
    if (performance.now() - reportedAt < REPORT_EVERY_MS) continue;
    postMessage({ tried });
    [tried, reportedAt] = [0, performance.now()];
  }
  postMessage({ tried, exhausted: true });
}

function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function textOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
