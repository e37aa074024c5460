/* Messages from a framed page to the page around it, and only to the origin that the server has allowed. */

/* Returns a function that sends one message; it does nothing where no page may receive it. */
export function parentMessenger(origin) {
  if (!origin || window.parent === window) return () => {};
  return (message) => window.parent.postMessage(message, origin);
}

/* Reports the height of the content at once and whenever it changes. */
export function reportHeight(send) {
  let last = 0;
  const report = () => {
    const height = Math.ceil(document.querySelector("main").getBoundingClientRect().bottom + window.scrollY);
    if (height !== last) send({ type: "troika:height", height });
    last = height;
  };
  new ResizeObserver(report).observe(document.querySelector("main"));
  report();
}
