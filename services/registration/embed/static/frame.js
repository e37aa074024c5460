/* Makes the form page nicer where a script may run; without it the page works as a plain form. */

import { answersOf, fillFromBrowser, watchConditions } from "./questions.js";
import { clearErrors, showErrors, showProblem } from "./errors.js";
import { send } from "./sending.js";
import { Proof } from "./proof.js";
import { reportHeight, tellParent } from "./parent.js";

const form = document.getElementById("form");
const progress = document.getElementById("progress");
const button = form.querySelector("button[type=submit]");
const texts = JSON.parse(form.dataset.texts);
const tell = tellParent(form.dataset.parentOrigin);
const proof = new Proof(form.dataset.challenge, form.dataset.solver);
const MOST_PROOFS = 3;
const title = form.dataset.title;
let sending = false;
let attempted = { body: "", key: "" };

document.documentElement.classList.add("scripted");
for (const improve of [watchConditions, fillFromBrowser, showLocalTime]) {
  try {
    improve(form);
  } catch (error) {
    console.error(error); /* the form works without it */
  }
}
form.noValidate = true; /* the summary says all that is wrong at once, in the page's language */
form.addEventListener("submit", submit);
for (const language of document.querySelectorAll(".languages button")) language.addEventListener("click", changeLanguage);
form.addEventListener("input", () => proof.begin(), { once: true });
reportHeight(tell);
tell({ type: "troika:ready" });
form.querySelector(".summary:not([hidden])")?.focus();

/* As without a script: what was typed goes along, and is not sent anywhere else. */
function changeLanguage(event) {
  event.preventDefault();
  form.setAttribute("action", event.currentTarget.formAction);
  HTMLFormElement.prototype.submit.call(form);
}

async function submit(event) {
  event.preventDefault();
  if (sending) return;
  setSending(true);
  clearErrors(form);
  document.title = title;
  try {
    const outcome = await sendAnswers();
    setSending(false);
    progress.textContent = "";
    show(outcome);
  } catch (error) {
    console.error(error);
    if (form.isConnected) HTMLFormElement.prototype.submit.call(form); /* as without a script: the service knows what it has */
  }
}

/* The same answers keep their key however often they are sent, so that nobody is registered twice. */
function sendAnswers() {
  const answers = answersOf(form);
  const body = JSON.stringify(answers);
  if (body !== attempted.body) attempted = { body, key: newKey() };
  return sendProven(answers, attempted.key);
}

/* A proof that has run out meanwhile, or was used, is made anew; the answers keep their key. */
async function sendProven(answers, key) {
  for (let round = 1; ; round += 1) {
    const altcha = await proof.take(sayWork);
    progress.textContent = texts.sending;
    const outcome = await send(form.action, JSON.stringify(altcha ? { ...answers, altcha } : answers), key, (wait) => {
      progress.textContent = fill(counted(texts.retry, wait.seconds), wait);
    });
    if (outcome.content.code !== "proof-refused" || round === MOST_PROOFS) return outcome;
    proof.spend();
  }
}

/* In quarters: a screen reader says each change. */
function sayWork(share) {
  const said = fill(texts.proving, { percent: Math.min(Math.floor(share * 4) * 25, 75) });
  if (progress.textContent !== said) progress.textContent = said;
}

function show({ status, content }) {
  if (status === 201) return showDone(content);
  document.title = `${document.getElementById("summary").dataset.prefix} ${title}`;
  if (status === 422 && content.errors?.length) {
    showErrors(form, content.errors);
  } else if (status === 409 && content.code === "form-closed") {
    showProblem(form, texts.closed);
  } else {
    showProblem(form, status === 0 || status === 503 || status === 409 || status === 429 ? texts["gave-up"] : texts.failed);
  }
  tell({ type: "troika:error", code: content.code ?? (status === 0 ? "unreachable" : `http-${status}`) });
  return undefined;
}

function showDone({ status, message }) {
  const address = form.querySelector('[data-kind="email"] input')?.value ?? "";
  const done = document.getElementById("done");
  const known = `result.${status}.title` in texts ? status : "confirmed";
  document.getElementById("done-title").textContent = texts[`result.${known}.title`];
  document.getElementById("done-message").textContent = message || texts[`result.${known}.message`];
  document.getElementById("done-address").textContent = address;
  document.title = `${texts[`result.${known}.title`]} – ${title}`;
  document.querySelector(".languages")?.remove();
  form.remove();
  done.hidden = false;
  done.focus();
  tell({ type: "troika:registered", status: known });
}

function setSending(now) {
  sending = now;
  button.setAttribute("aria-disabled", String(now));
}

function showLocalTime() {
  const time = document.querySelector(".when time");
  if (!time) return;
  const language = document.documentElement.lang;
  const day = { weekday: "long", day: "numeric", month: "long" };
  const clock = { hour: "numeric", minute: "2-digit", timeZoneName: "short" };
  const at = new Date(time.dateTime);
  // As the server writes them: English days as in Britain, hours to twelve.
  const spelt = [
    new Intl.DateTimeFormat(language.replace(/^en$/, "en-GB"), day).format(at),
    new Intl.DateTimeFormat(language.replace(/^en$/, "en-US"), clock).format(at),
  ];
  const local = document.createElement("span");
  local.className = "local";
  local.textContent = fill(texts["local-time"], {
    time: spelt.join(" · "),
  });
  time.parentElement.append(local);
}

/* The form of a text for a number, as the language has them: one, few, many… */
function counted(forms, count) {
  return forms[new Intl.PluralRules(document.documentElement.lang).select(count)] ?? forms.other;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

/* 128 random bits. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
