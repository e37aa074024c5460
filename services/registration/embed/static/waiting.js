/* A page about something that is not decided yet: asks again, and shows the new page in its place once it is decided.
   Without it the page loads itself again, and offers to be loaded again. */

import { fetchWithin } from "./fetching.js";

const ANSWER_WITHIN_MS = 10000;
const main = document.querySelector("main");

askAgain();

async function askAgain() {
  while (main.dataset.reload) {
    const { reload, reloadMs } = main.dataset;
    await new Promise((resolve) => setTimeout(resolve, Number(reloadMs)));
    const text = await fetchWithin(ANSWER_WITHIN_MS, reload, {}, (answer) => (answer.ok ? answer.text() : ""));
    const page = new DOMParser().parseFromString(text ?? "", "text/html");
    const fresh = page.querySelector("main");
    if (!fresh) return;
    Object.assign(main.dataset, { reload: "", ...fresh.dataset });
    if (!main.dataset.reload) show(page, fresh);
  }
}

function show(page, fresh) {
  document.title = page.title;
  main.replaceChildren(...fresh.childNodes);
  main.querySelector("[tabindex='-1']")?.focus();
}
