/* Where the form asks for a proof of work: does it while somebody types, and sends it along. Without it the form is sent
   as it is, and the address is confirmed by mail. */

import { Proof } from "./proof.js";

const PROVEN_WITHIN_MS = 120000;

const form = document.querySelector("form[data-challenge]");
const progress = document.getElementById("progress");
const button = form.querySelector("button[type=submit]");
const proof = new Proof(form.dataset.challenge, form.dataset.solver);

form.addEventListener("input", () => proof.begin(), { once: true });
form.addEventListener("submit", prove);
for (const language of document.querySelectorAll(".languages button")) language.addEventListener("click", changeLanguage);
addEventListener("pageshow", ({ persisted }) => persisted && setSending(false));

/* Without a proof: nothing is sent but what was typed, to be shown again. */
function changeLanguage(event) {
  event.preventDefault();
  form.setAttribute("action", event.currentTarget.formAction);
  form.submit();
}

async function prove(event) {
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  setSending(true);
  try {
    form.elements.altcha.value = await proof.take(PROVEN_WITHIN_MS, showProgress);
    proof.spend();
  } finally {
    form.submit(); /* without a proof the form is taken as well, and the address is confirmed by mail */
  }
}

/* In quarters: a screen reader reads each change out. */
function showProgress(share) {
  const percent = Math.min(Math.floor(share * 4) * 25, 75);
  const text = form.dataset.proving.replace("{percent}", percent);
  if (progress.textContent !== text) progress.textContent = text;
}

function setSending(now) {
  button.setAttribute("aria-disabled", String(now));
  if (!now) progress.textContent = "";
}
