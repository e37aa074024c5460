/* A proof of work: a challenge is fetched and solved in workers while the visitor types. It decides how soon a mail is sent, or
   whether one is needed at all; it is optional, so any failure here ends without a proof. */

import { fetchWithin } from "./fetching.js";

const MOST_WORKERS = 4;
const FRESH_MS = 9 * 60 * 1000; /* a challenge ends after ten minutes */
const CHALLENGE_WITHIN_MS = 10000;
const SOLVED_WITHIN_MS = 120000;

/* `address` gives challenges, "" where none is asked for; `solver` is the worker's script. */
export class Proof {
  #address;
  #solver;
  #work = null;

  constructor(address, solver) {
    this.#address = address ?? "";
    this.#solver = solver;
  }

  /* Starts to work, unless it has and the challenge is still good. */
  begin() {
    if (!this.#address || (this.#work && Date.now() < this.#work.until)) return;
    const work = { until: Date.now() + FRESH_MS, share: 0, onProgress: () => {} };
    work.solution = solved(this.#address, this.#solver, (share) => {
      work.share = share;
      work.onProgress(share);
    });
    this.#work = work;
  }

  /* The solution, "" if there is none within so many milliseconds. `onProgress` is called with
     the share of the work that is done so far, from 0 to 1. */
  async take(withinMs, onProgress = () => {}) {
    if (!this.#address) return "";
    this.begin();
    const work = this.#work;
    work.onProgress = onProgress;
    onProgress(work.share);
    const late = new Promise((resolve) => setTimeout(resolve, withinMs, ""));
    const solution = await Promise.race([work.solution, late]);
    work.onProgress = () => {};
    return solution;
  }

  /* It was used: the next one is another. */
  spend() {
    this.#work = null;
  }
}

async function solved(address, solver, onProgress) {
  if (!window.crypto?.subtle) return ""; /* the page, or one around it, came without encryption */
  const workers = [];
  try {
    const challenge = await fetchWithin(CHALLENGE_WITHIN_MS, address, {}, (answer) => (answer.ok ? answer.json() : null));
    if (!challenge) return "";
    const solution = await searched(challenge.parameters, solver, workers, onProgress);
    return solution ? btoa(JSON.stringify({ challenge, solution })) : "";
  } catch {
    return ""; /* no answer, or the browser lets no worker run */
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

function searched(parameters, solver, workers, onProgress) {
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
        onProgress(tried / parameters.data.tries);
        if (data.exhausted) atWork -= 1;
        if (data.solution || !atWork) resolve(data.solution ?? null);
      };
      worker.postMessage({ parameters, first, step: count });
    }
  });
}
