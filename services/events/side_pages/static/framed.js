/* In a partner's page: says the height of the content and what has happened, to the one origin that may hear it.
   The form itself needs no script. */

import { reportHeight, tellParent } from "./parent.js";

const { parentOrigin, outcome } = document.querySelector("main").dataset;
const tell = tellParent(parentOrigin);

reportHeight(tell);
tell({ type: "troika:ready" });
if (outcome === "proposed") tell({ type: "troika:proposed" });
if (outcome === "refused") tell({ type: "troika:error", code: "refused" });
document.querySelector("[role=alert], .summary:not([hidden])")?.focus();
