/* Asks the receipt what has become of a submission, on forms whose outcome is known at once. */

import { fetchWithin } from "./fetching.js";

const ASK_AT_MS = [100, 250, 600, 1200, 2500, 5000, 9000, 14000, 20000, 29000]; /* after the answer to the submission */
const OUTCOME_WITHIN_MS = 5000;

/* The content of the receipt once it is decided; null if it is not within half a minute. */
export async function outcomeOf(address) {
  const begun = performance.now();
  for (const at of ASK_AT_MS) {
    await new Promise((resolve) => setTimeout(resolve, at - (performance.now() - begun)));
    const found = await ask(address);
    if (found && found.status !== "received") return found;
  }
  return null;
}

/* The content of the receipt now; null without an answer. */
export function ask(address) {
  const options = { headers: { Accept: "application/json" }, cache: "no-store" };
  return fetchWithin(OUTCOME_WITHIN_MS, address, options, (answer) => (answer.ok ? answer.json() : null));
}
