/* In a partner's page: says the height of the content and what has happened, to the one origin that may hear it. A page
   that stands in place of a form says why. No page needs this script. */

import { reportHeight, tellParent } from "./parent.js";

const { parentOrigin, outcome, cause } = document.querySelector("main").dataset;
const tell = tellParent(parentOrigin);

if (cause) {
  tell({ type: "troika:error", code: cause });
} else {
  reportHeight(tell);
  tell({ type: "troika:ready" });
  if (outcome === "submitted" || outcome === "proposed") tell({ type: `troika:${outcome}` });
  if (outcome === "refused") tell({ type: "troika:error", code: "refused" });
  document.querySelector("[role=alert]:not([hidden])")?.focus();
}
