/* Asks the receipt what has become of a submission, on forms whose outcome is known at once; on others only whether the
   mail takes longer than usual. */

import { fetchWithin } from "./fetching.js";

const ASK_AT_MS = [100, 250, 600, 1200, 2500, 5000, 9000, 14000, 20000, 29000]; /* after the answer to the submission */
const OUTCOME_WITHIN_MS = 5000;

/* Whether confirmation mails take longer than usual now; asked once, and false without an answer. */
export async function areMailsHeld(address) {
  const found = await ask(address);
  return found?.mails_held ?? false;
}

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

function ask(address) {
  const options = { headers: { Accept: "application/json" }, cache: "no-store" };
  return fetchWithin(OUTCOME_WITHIN_MS, address, options, (answer) => (answer.ok ? answer.json() : null));
}
