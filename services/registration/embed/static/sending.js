/* Sends one body until there is an answer that stays, a bounded number of times. */

import { fetchWithin } from "./fetching.js";

const ATTEMPTS = 5;
const LONGEST_WAIT_S = 30;
const ANSWER_WITHIN_MS = 20000;

/* Returns {status, content}; status 0 means that there was no answer. `onPause` is called with each pause. */
export async function send(address, body, key, onPause) {
  let outcome = { status: 0, content: {} };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    outcome = await once(address, body, key);
    if (!isPassing(outcome) || attempt === ATTEMPTS) break;
    const seconds = pauseAfter(attempt, outcome.retryAfter);
    onPause({ seconds, attempt: attempt + 1, attempts: ATTEMPTS });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
  return outcome;
}

async function once(address, body, key) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": key };
  const outcome = await fetchWithin(ANSWER_WITHIN_MS, address, { method: "POST", headers, body }, readOutcome);
  return outcome ?? { status: 0, content: {} };
}

async function readOutcome(answer) {
  const content = await answer.json().catch(() => ({}));
  return { status: answer.status, content: Object(content), retryAfter: Number(answer.headers.get("Retry-After")) };
}

/* No answer, too busy, or the first try of the same key is still in progress. */
function isPassing({ status, content }) {
  return [0, 429, 502, 503, 504].includes(status) || (status === 409 && content.code !== "form-closed");
}

/* What the service asked for, else 1, 2, 4, 8 s; up to half more, so that many forms do not come back at once. */
function pauseAfter(attempt, asked) {
  const wait = asked > 0 ? asked : 2 ** (attempt - 1);
  return Math.ceil(Math.min(wait * (1 + Math.random() / 2), LONGEST_WAIT_S));
}
