/* Keeps the numbers of a bulletin that is being sent up to date. Without it the link "Refresh" does the same. */
const EVERY_MS = 3000;

async function refresh() {
  const outcome = document.getElementById("outcome");
  if (!outcome || outcome.dataset.live !== "yes") return;
  if (!document.hidden && !outcome.contains(document.activeElement)) {
    const answer = await fetch(location.pathname, { credentials: "same-origin", redirect: "error" }).catch(() => null);
    if (answer && answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("outcome");
      if (fresh && fresh.dataset.live !== "yes") return location.reload();
      if (fresh) outcome.replaceWith(document.importNode(fresh, true));
    }
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
