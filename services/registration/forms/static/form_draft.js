// Lets questions be dragged to another place in their table. Without it, and by keyboard, the buttons beside them do it.
// Also has the browser ask before texts and settings that were typed, but not saved, are lost.

const settings = document.querySelector("form[aria-labelledby=settings]");
let isUnsaved = false;

settings.addEventListener("input", () => {
  isUnsaved = true;
});
settings.addEventListener("submit", () => {
  isUnsaved = false;
});
window.addEventListener("beforeunload", (event) => {
  if (isUnsaved) {
    event.preventDefault();
  }
});

const rows = [...document.querySelectorAll("[data-question]")];
let dragged = null;

function placeOf(row) {
  return Number(row.dataset.question);
}

function isBelow(row, event) {
  const box = row.getBoundingClientRect();
  return event.clientY > box.top + box.height / 2;
}

function mark(target, side) {
  for (const row of rows) {
    row.classList.toggle("drop-before", row === target && side === "before");
    row.classList.toggle("drop-after", row === target && side === "after");
  }
}

function move(from, to) {
  const form = rows[0].closest("form");
  const button = document.createElement("button");
  button.name = "go";
  button.value = `move:${from}:${to}`;
  button.hidden = true;
  form.append(button);
  form.requestSubmit(button);
}

function addHandle(row) {
  const handle = document.createElement("span");
  handle.className = "handle";
  handle.draggable = true;
  handle.title = "Drag to another place";
  handle.setAttribute("aria-hidden", "true");
  handle.addEventListener("dragstart", (event) => {
    dragged = row;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", row.dataset.question);
    event.dataTransfer.setDragImage(row, 0, 0);
  });
  handle.addEventListener("dragend", () => {
    dragged = null;
    mark(null);
  });
  row.querySelector(".acts").prepend(handle);
}

for (const row of rows) {
  addHandle(row);
  row.addEventListener("dragover", (event) => {
    if (dragged !== null) {
      event.preventDefault();
      mark(row, isBelow(row, event) ? "after" : "before");
    }
  });
  row.addEventListener("drop", (event) => {
    if (dragged === null) {
      return;
    }
    event.preventDefault();
    const from = placeOf(dragged);
    const beyond = placeOf(row) + (isBelow(row, event) ? 1 : 0);
    const to = beyond > from ? beyond - 1 : beyond;
    if (to !== from) {
      move(from, to);
    }
  });
}
