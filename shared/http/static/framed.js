/* In a partner's page: reports the height of the content and what has happened, to the one origin that may receive it.
   A page that replaces a form reports why. No page needs this script. */

import { reportHeight, parentMessenger } from "./parent.js";

const { parentOrigin, outcome, cause } = document.querySelector("main").dataset;
const send = parentMessenger(parentOrigin);

if (cause) {
  send({ type: "troika:error", code: cause });
} else {
  reportHeight(send);
  send({ type: "troika:ready" });
  if (outcome === "submitted" || outcome === "proposed") send({ type: `troika:${outcome}` });
  if (outcome === "refused") send({ type: "troika:error", code: "refused" });
  document.querySelector("[role=alert]:not([hidden])")?.focus();
}
