/* Offers the lines of an earlier answer to be ticked, where a question asks to repeat some of them. */

export function offerLines(form) {
  for (const area of form.querySelectorAll("textarea[data-lines-of]")) offerLinesOf(form, area);
}

/* The text area stays, hidden, and holds what is ticked: it is what the form sends. */
function offerLinesOf(form, area) {
  const source = form.elements[area.dataset.linesOf];
  const { id, labels: [label] } = area;
  const group = Object.assign(document.createElement("div"), { id, tabIndex: -1 });
  label.id = `${area.name}-label`;
  label.removeAttribute("for");
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", label.id);
  group.setAttribute("aria-describedby", area.getAttribute("aria-describedby"));
  const keep = () => {
    area.value = [...group.querySelectorAll(":checked")].map((box) => box.dataset.line).join("\n");
  };
  const offer = () => {
    const ticked = new Set(linesIn(area.value).map(comparable));
    const lines = new Map(linesIn(source.value).map((line) => [comparable(line), line]));
    group.replaceChildren(...[...lines].map(([key, line], at) => lineChoice(`${id}-${at}`, line, ticked.has(key))));
    keep();
  };
  area.before(group);
  area.hidden = true;
  area.removeAttribute("id");
  source.addEventListener("input", offer);
  group.addEventListener("change", keep);
  offer();
}

function lineChoice(id, line, isTicked) {
  const choice = document.createElement("div");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", id, checked: isTicked });
  const label = Object.assign(document.createElement("label"), { htmlFor: id });
  label.append(Object.assign(document.createElement("bdi"), { textContent: line }));
  box.dataset.line = line;
  choice.className = "choice";
  choice.append(box, label);
  return choice;
}

function linesIn(text) {
  return text.split("\n").map((line) => line.trim().replace(/\s+/gu, " ")).filter(Boolean);
}

function comparable(line) {
  return line.toLowerCase();
}
