/* Shows what is wrong: a summary with a link to each question, and a sentence at each question. */

export function clearErrors(form) {
  for (const old of form.querySelectorAll("[aria-invalid]")) old.removeAttribute("aria-invalid");
  for (const old of form.querySelectorAll(".field-invalid")) old.classList.remove("field-invalid");
  for (const old of form.querySelectorAll(".field .error")) {
    old.replaceChildren();
    old.hidden = true;
  }
  for (const old of form.querySelectorAll(".summary")) old.hidden = true;
}

/* `errors`: [{pointer: "/email", message}]. */
export function showErrors(form, errors) {
  const rows = errors.map((error) => showAtQuestion(form, error));
  showSummary(form, rows);
}

export function showProblem(form, sentence) {
  showSummary(form, [asItem(sentence)]);
}

function showSummary(form, rows) {
  const summary = document.getElementById("summary");
  const heading = summary.querySelector("h2");
  summary.querySelector("ul").replaceChildren(...rows);
  heading.hidden = !rows.some((row) => row.querySelector("a"));
  summary.hidden = false;
  summary.focus();
}

function showAtQuestion(form, { pointer = "", message, detail }) {
  const sentence = message ?? detail ?? "";
  const name = pointer.split("/")[1] ?? "";
  const question = form.querySelector(`[data-field="${CSS.escape(name)}"]`);
  if (!question) return asItem(sentence);
  const prefix = document.createElement("span");
  prefix.className = "visually-hidden";
  prefix.textContent = `${document.getElementById("summary").dataset.prefix} `;
  const note = question.querySelector(".error");
  note.replaceChildren(prefix, sentence);
  note.hidden = false;
  question.classList.add("field-invalid");
  const control = question.querySelector("input, select, textarea");
  (question.querySelector("[role=radiogroup]") ?? control).setAttribute("aria-invalid", "true");
  /* The label of a consent is a sentence of its own. */
  return asItem("consent" in question.dataset ? sentence : `${labelled(question)} ${sentence}`, control);
}

/* With the colon of the language. */
function labelled(question) {
  return document.getElementById("summary").dataset.label.replace("{label}", () => labelOf(question));
}

function labelOf(question) {
  const label = (question.querySelector("legend") ?? question.querySelector("label")).cloneNode(true);
  label.querySelector(".required")?.remove();
  return label.textContent.trim();
}

function asItem(sentence, control) {
  const item = document.createElement("li");
  if (!control) {
    item.textContent = sentence;
    return item;
  }
  const link = document.createElement("a");
  link.href = `#${control.id}`;
  link.textContent = sentence;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    control.focus();
    control.scrollIntoView({ block: "center" });
  });
  item.append(link);
  return item;
}
