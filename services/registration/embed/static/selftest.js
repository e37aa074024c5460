/* In a partner's page: finds out what works there and shows it. It sends nothing except to the page around. */

import { reportHeight, parentMessenger } from "./parent.js";

const HEARD_WITHIN_MS = 3000;
const list = document.querySelector(".checks");
const { parent, origins } = list.dataset;
const known = JSON.parse(origins);
const around = [...(location.ancestorOrigins ?? [originOf(document.referrer)])].filter(Boolean);
const unknown = (around.length ? around : [parent]).filter((origin) => !known.includes(origin));

show("frame", true);
show("script", Boolean(parent));
document.getElementById("origin").textContent = unknown[0] ?? around[0] ?? parent;
show("origin", unknown.length === 0);
show("encrypted", window.isSecureContext && [...around, location.origin].every((origin) => origin.startsWith("https:")));
show("sandbox", window.origin !== "null");
if (parent) followHeight();

/* Our script in the page around gives the frame the height that it reports: then the window is as high as the content. */
function followHeight() {
  const send = parentMessenger(parent);
  send({ type: "troika:ready" });
  reportHeight(send);
  const fits = () => Math.abs(window.innerHeight - document.querySelector("main").getBoundingClientRect().bottom) < 2;
  const timer = setTimeout(() => show("height", fits()), HEARD_WITHIN_MS);
  window.addEventListener("resize", () => {
    if (!fits()) return;
    clearTimeout(timer);
    show("height", true);
  });
}

function show(name, works) {
  const check = list.querySelector(`[data-check=${name}]`);
  for (const part of check.querySelectorAll("[data-good]")) part.hidden = !works;
  for (const part of check.querySelectorAll("[data-bad]")) part.hidden = works;
  check.classList.toggle("done", works);
  check.classList.toggle("note", !works);
  check.hidden = false;
}

function originOf(address) {
  return address ? new URL(address).origin : "";
}
