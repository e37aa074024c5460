/* Makes the form page nicer where a script may run; without it the page works as a plain form. */

import { answersOf, fillFromBrowser, watchConditions } from "./questions.js";
import { offerLines } from "./lines.js";
import { clearErrors, showErrors, showProblem } from "./errors.js";
import { send } from "./sending.js";
import { ask, outcomeOf } from "./outcome.js";
import { Proof } from "./proof.js";
import { reportHeight, parentMessenger } from "./parent.js";

const form = document.getElementById("form");
const progress = document.getElementById("progress");
const button = form.querySelector("button[type=submit]");
/* A control replaces the property of its form that has its name: no question may be called so (RESERVED_NAMES). */
const { challenge, solver, parentOrigin, receipts, title, verification } = form.dataset;
const texts = JSON.parse(form.dataset.texts);
const address = form.getAttribute("action"); /* where answers go, whatever a change of language writes there */
const notify = parentMessenger(parentOrigin);
const proof = new Proof(challenge, solver);
/* The outcome of a form without verification depends on the proof: it may still come while the button is pressed. */
const PROOF_WITHIN_MS = verification === "none" ? 2000 : 0;
let sending = false;
let attempted = { body: "", key: "" };

document.documentElement.classList.add("scripted");
for (const improve of [offerLines, watchConditions, fillFromBrowser, showLocalTime]) {
  try {
    improve(form);
  } catch (error) {
    console.error(error); /* the form works without it */
  }
}
form.noValidate = true; /* the summary lists all errors at once, in the page's language */
form.addEventListener("input", () => notify({ type: "troika:started" }), { once: true });
if (receipts) sendByScript(); /* else the form is sent as a plain one, and answered with a page */
reportHeight(notify);
notify({ type: "troika:ready" });
form.querySelector(".summary:not([hidden])")?.focus();

function sendByScript() {
  form.addEventListener("submit", submit);
  form.addEventListener("input", () => proof.begin());
  for (const language of document.querySelectorAll(".languages button")) language.addEventListener("click", changeLanguage);
}

/* As without a script: what was typed goes along, and is not sent anywhere else. Once the browser has read the address
   it is that of the answers again: the person may stop the loading, or come back. */
function changeLanguage(event) {
  event.preventDefault();
  form.setAttribute("action", event.currentTarget.formAction);
  HTMLFormElement.prototype.submit.call(form);
  form.setAttribute("action", address);
}

async function submit(event) {
  event.preventDefault();
  if (sending) return;
  setSending(true);
  clearErrors(form);
  document.title = title;
  progress.textContent = texts.sending;
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

/* The same answers keep their key however often they are sent, so that no one is registered twice. */
async function sendAnswers() {
  const answers = answersOf(form);
  const body = JSON.stringify(answers);
  if (body !== attempted.body) attempted = { body, key: newKey() };
  const altcha = await proof.take(PROOF_WITHIN_MS);
  return send(address, JSON.stringify(altcha ? { ...answers, altcha } : answers), attempted.key, (wait) => {
    progress.textContent = fill(counted(texts.retry, wait.seconds), wait);
  });
}

function show({ status, content }) {
  if (status === 202) return showReceived(content);
  document.title = `${document.getElementById("summary").dataset.prefix} ${title}`;
  if (status === 422 && content.errors?.length) {
    showErrors(form, content.errors);
  } else if (status === 409 && content.code === "form-closed") {
    showProblem(form, texts.closed);
  } else {
    showProblem(form, status === 0 || status === 503 || status === 409 || status === 429 ? texts["gave-up"] : texts.failed);
  }
  notify({ type: "troika:error", code: content.code ?? (status === 0 ? "unreachable" : `http-${status}`) });
  return undefined;
}

function showReceived({ receipt, code }) {
  const done = document.getElementById("done");
  const heading = done.querySelector("h2");
  document.getElementById("done-code").textContent = code;
  document.getElementById("done-address").textContent = form.querySelector('[data-field="email"] input')?.value ?? "";
  document.getElementById("done-receipt").href = `${receipts}/${encodeURIComponent(receipt)}?lang=${document.documentElement.lang}`;
  document.title = `${heading.textContent} – ${title}`;
  document.querySelector(".languages")?.remove();
  form.remove();
  done.hidden = false;
  done.focus();
  notify({ type: "troika:submitted" });
  const state = `/v1${receipts}/${encodeURIComponent(receipt)}?lang=${document.documentElement.lang}`;
  if (verification === "none") showOutcome(heading, state);
  else ask(state).then((found) => (document.getElementById("done-held").hidden = !found?.mails_held));
}

/* Shows what has become of it as soon as that is known, in the same place: a screen reader reads out what is new. */
async function showOutcome(heading, address) {
  const { status = "", calendar } = (await outcomeOf(address)) ?? {};
  const message = document.getElementById("done-message");
  message.textContent = texts[`outcome.${status}.message`] ?? texts.late;
  if (!(`outcome.${status}.title` in texts)) return;
  heading.textContent = texts[`outcome.${status}.title`];
  document.title = `${heading.textContent} – ${title}`;
  const registered = status === "confirmed" || status === "waitlisted";
  const mailed = registered || status === "check-your-mail";
  const done = document.getElementById("done");
  done.className = mailed ? "done" : "note";
  document.getElementById("done-mail").hidden = !mailed;
  for (const one of done.querySelectorAll(".to-confirm")) one.hidden = status !== "check-your-mail";
  if (calendar) showCalendars(calendar);
  if (registered) notify({ type: "troika:registered", status });
  if (status === "full" || status === "closed") notify({ type: "troika:error", code: `form-${status}` });
  if (status === "option-full") notify({ type: "troika:error", code: status });
}

function showCalendars(addresses) {
  const section = document.getElementById("done-calendar");
  if (!section) return;
  for (const link of section.querySelectorAll("a")) link.href = addresses[link.dataset.calendar];
  section.hidden = false;
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
  /* As the server writes them: English days as in Britain, hours to twelve, Arabic with 0 to 9, French with 1er. */
  const arabic = language.replace(/^ar$/, "ar-u-nu-latn");
  const date = new Intl.DateTimeFormat(arabic.replace(/^en$/, "en-GB"), day).format(at);
  const spelt = [
    language === "fr" ? date.replace(" 1 ", " 1er ") : date,
    new Intl.DateTimeFormat(arabic.replace(/^en$/, "en-US"), clock).format(at).replace(/\s/g, "\u00a0"),
  ];
  const local = document.createElement("span");
  local.className = "local";
  local.textContent = fill(texts["local-time"], { time: spelt.join(" · ") });
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
