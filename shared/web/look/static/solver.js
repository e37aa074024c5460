/* In a worker: looks for the number whose key begins as the challenge says, one number after the other.
   The browser's own PBKDF2 where it has one. It has none where the page around ours came without encryption: then ours. */

const SAY_EVERY_MS = 100;

self.onmessage = ({ data }) => search(data);

/* Tries `first`, `first + step` … below `tries`; says how many it has tried meanwhile, and in the end what it has found. */
async function search({ parameters, first, step }) {
  const { cost, keyLength, keyPrefix, data } = parameters;
  const [nonce, salt, prefix] = [parameters.nonce, parameters.salt, keyPrefix].map(bytesOf);
  const password = new Uint8Array(nonce.length + 4);
  password.set(nonce);
  const number = new DataView(password.buffer);
  let [tried, saidAt] = [0, performance.now()];
  for (let counter = first; counter < data.tries; counter += step) {
    number.setUint32(nonce.length, counter);
    const key = await derive(password, salt, cost, keyLength);
    tried += 1;
    if (prefix.every((byte, index) => key[index] === byte)) {
      postMessage({ tried, solution: { counter, derivedKey: textOf(key) } });
      return;
    }
    if (performance.now() - saidAt < SAY_EVERY_MS) continue;
    postMessage({ tried });
    [tried, saidAt] = [0, performance.now()];
  }
  postMessage({ tried, exhausted: true });
}

async function derive(password, salt, iterations, length) {
  if (!self.crypto?.subtle) return ownPbkdf2(password, salt, iterations).slice(0, length);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, length * 8));
}

function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function textOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* PBKDF2 with HMAC-SHA-256 (RFC 8018), its first 32 bytes. Password and salt are shorter than a block. */
function ownPbkdf2(password, salt, iterations) {
  const inner = compress(FIRST, padded(password, 0x36));
  const outer = compress(FIRST, padded(password, 0x5c));
  const hmac = (block) => compress(outer, lastBlock(compress(inner, block)));
  const first = new Uint8Array(salt.length + 4);
  first.set(salt);
  first[salt.length + 3] = 1;
  let round = hmac(wordsOf(first, 64 + first.length));
  const key = Uint32Array.from(round);
  for (let iteration = 1; iteration < iterations; iteration += 1) {
    round = hmac(lastBlock(round));
    for (let index = 0; index < 8; index += 1) key[index] ^= round[index];
  }
  const bytes = new DataView(new ArrayBuffer(32));
  key.forEach((word, index) => bytes.setUint32(index * 4, word));
  return new Uint8Array(bytes.buffer);
}

function padded(password, pad) {
  const block = new Uint8Array(64).fill(pad);
  password.forEach((byte, index) => (block[index] ^= byte));
  return wordsOf(block, 0);
}

/* A block of 16 words; with a `length` in bytes of all that was hashed it is the last one and ends as SHA-256 wants it. */
function wordsOf(bytes, length) {
  const block = new DataView(new ArrayBuffer(64));
  bytes.forEach((byte, index) => block.setUint8(index, byte));
  if (length) {
    block.setUint8(bytes.length, 0x80);
    block.setUint32(60, length * 8);
  }
  return Uint32Array.from({ length: 16 }, (_, index) => block.getUint32(index * 4));
}

/* The block that hashes a digest of 32 bytes behind one block of 64. */
function lastBlock(digest) {
  const block = new Uint32Array(16);
  block.set(digest);
  block[8] = 0x80000000;
  block[15] = 96 * 8;
  return block;
}

/* SHA-256 (FIPS 180-4): the words of its tables are the first bits of roots of primes. */
const PRIMES = Array.from({ length: 312 }, (_, number) => number).filter(
  (number) => number > 1 && !Array.from({ length: number - 2 }, (_, index) => index + 2).some((by) => number % by === 0),
);
const FIRST = Uint32Array.from(PRIMES.slice(0, 8), (prime) => (Math.sqrt(prime) % 1) * 2 ** 32);
const ROUNDS = Uint32Array.from(PRIMES, (prime) => (Math.cbrt(prime) % 1) * 2 ** 32);
const WORDS = new Uint32Array(64);

function compress(state, block) {
  WORDS.set(block);
  for (let index = 16; index < 64; index += 1) {
    const [early, late] = [WORDS[index - 15], WORDS[index - 2]];
    const small = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
    const large = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
    WORDS[index] = WORDS[index - 16] + small + WORDS[index - 7] + large;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let index = 0; index < 64; index += 1) {
    const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[index] + WORDS[index]) | 0;
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  return Uint32Array.of(
    state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e, state[5] + f, state[6] + g, state[7] + h,
  );
}

function turn(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}
