/* The framed page speaks to the page around it, and only to the origin that the server has allowed. */

/* Returns a function that sends one message; it does nothing where no page may listen. */
export function tellParent(origin) {
  if (!origin || window.parent === window) return () => {};
  return (message) => window.parent.postMessage(message, origin);
}

/* Says the height of the content at once and whenever it changes. */
export function reportHeight(tell) {
  let last = 0;
  const report = () => {
    const height = Math.ceil(document.querySelector("main").getBoundingClientRect().bottom + window.scrollY);
    if (height !== last) tell({ type: "troika:height", height });
    last = height;
  };
  new ResizeObserver(report).observe(document.querySelector("main"));
  report();
}
