/* The proof of work that a form may ask for: a challenge is fetched, solved in workers, and sent along once. */

import { fetchWithin } from "./fetching.js";

const MOST_WORKERS = 4;
const FRESH_MS = 9 * 60 * 1000; /* a challenge ends after ten minutes */
const CHALLENGE_WITHIN_MS = 10000;
const SOLVED_WITHIN_MS = 120000;

/* `address` gives challenges, "" where the form asks for none; `solver` is the worker's script. */
export class Proof {
  #address;
  #solver;
  #work = null;

  constructor(address, solver) {
    this.#address = address ?? "";
    this.#solver = solver;
  }

  /* Starts to work, unless it has: while somebody is still typing it costs them nothing. */
  begin() {
    if (!this.#address || (this.#work && Date.now() < this.#work.until)) return;
    const work = { until: Date.now() + FRESH_MS, share: 0, tell: () => {} };
    work.solution = solved(this.#address, this.#solver, (share) => {
      work.share = share;
      work.tell(share);
    });
    this.#work = work;
  }

  /* The solution, "" where there is none: a form takes that as well, and asks to confirm the address by mail. `tell` hears
     the share of the work that is done, from 0 to 1, while somebody has to wait. */
  async take(tell) {
    if (!this.#address) return "";
    this.begin();
    const work = this.#work;
    work.tell = tell;
    tell(work.share);
    const solution = await work.solution;
    work.tell = () => {};
    if (!solution) this.spend();
    return solution;
  }

  /* It was used, or is worth nothing: the next one is another. */
  spend() {
    this.#work = null;
  }
}

async function solved(address, solver, hear) {
  const workers = [];
  try {
    const challenge = await fetchWithin(CHALLENGE_WITHIN_MS, address, {}, (answer) => (answer.ok ? answer.json() : null));
    if (!challenge) return "";
    const solution = await searched(challenge.parameters, solver, workers, hear);
    return solution ? btoa(JSON.stringify({ challenge, solution })) : "";
  } catch {
    return ""; /* nobody answers, or the browser lets no worker run */
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

function searched(parameters, solver, workers, hear) {
  const count = Math.min(navigator.hardwareConcurrency || 1, MOST_WORKERS);
  let [tried, atWork] = [0, count];
  return new Promise((resolve, reject) => {
    setTimeout(resolve, SOLVED_WITHIN_MS, null);
    for (let first = 0; first < count; first += 1) {
      const worker = new Worker(solver);
      workers.push(worker);
      worker.onerror = reject;
      worker.onmessage = ({ data }) => {
        tried += data.tried;
        hear(tried / parameters.data.tries);
        if (data.exhausted) atWork -= 1;
        if (data.solution || !atWork) resolve(data.solution ?? null);
      };
      worker.postMessage({ parameters, first, step: count });
    }
  });
}
