"""Makes Chromium lack what browsers at the declared floor lack: Safari 15.4, Chrome 100, Firefox 100.

Each entry came later to at least one of the three; the versions are those of MDN's browser-compat-data. A worker is not
reached by this: ``solver.js`` uses typed arrays and WebCrypto only, which are older.
"""

from playwright.sync_api import BrowserContext

REMOVED = {
    # what: (Chrome, Firefox, Safari)
    "AbortSignal.timeout": (103, 100, 16.0),
    "AbortSignal.any": (116, 124, 17.4),
    "Array.fromAsync": (121, 115, 16.4),
    "Array.prototype.findLast": (97, 104, 15.4),
    "Array.prototype.findLastIndex": (97, 104, 15.4),
    "Array.prototype.toReversed": (110, 115, 16.0),
    "Array.prototype.toSorted": (110, 115, 16.0),
    "Array.prototype.toSpliced": (110, 115, 16.0),
    "Array.prototype.with": (110, 115, 16.0),
    "Document.prototype.adoptedStyleSheets": (73, 101, 16.4),
    "Document.prototype.startViewTransition": (111, 144, 18.0),
    "Element.prototype.checkVisibility": (105, 106, 17.4),
    "HTMLElement.prototype.attachInternals": (77, 93, 16.4),
    "HTMLElement.prototype.inert": (102, 112, 15.5),
    "HTMLElement.prototype.showPopover": (114, 125, 17.0),
    "HTMLFormElement.prototype.requestSubmit": (76, 75, 16.0),
    "Intl.Segmenter": (87, 125, 14.1),
    "Location.prototype.ancestorOrigins": (20, None, 6.0),
    "Map.groupBy": (117, 119, 17.4),
    "Object.groupBy": (117, 119, 17.4),
    "Promise.try": (128, 134, 18.2),
    "Promise.withResolvers": (119, 121, 17.4),
    "Set.prototype.difference": (122, 127, 17.0),
    "Set.prototype.intersection": (122, 127, 17.0),
    "Set.prototype.union": (122, 127, 17.0),
    "ShadowRoot.prototype.adoptedStyleSheets": (73, 101, 16.4),
    "String.prototype.isWellFormed": (111, 119, 16.4),
    "URL.canParse": (120, 115, 17.0),
    "URL.parse": (126, 126, 18.0),
    "URLSearchParams.prototype.size": (113, 112, 17.0),
    "crypto.randomUUID": (92, 95, 15.4),  # at the floor, but only where the page came by HTTPS
    "navigator.userActivation": (72, 120, 16.4),
    "requestIdleCallback": (47, 55, None),
    "scheduler": (94, 142, None),
    "structuredClone": (98, 94, 15.4),
}
"""What is taken away; the last two stages of a name are an object and its property."""

_SCRIPT = """
for (const path of %s) {
  const names = path.split(".");
  const last = names.pop();
  const owner = names.reduce((object, name) => object?.[name], globalThis);
  for (let holder = owner; holder; holder = Object.getPrototypeOf(holder)) {
    if (Object.hasOwn(holder, last) && !Reflect.deleteProperty(holder, last)) holder[last] = undefined;
  }
}
globalThis.CSSStyleSheet = new Proxy(CSSStyleSheet, {
  construct() { throw new TypeError("Illegal constructor"); }, /* Chrome 73, Firefox 101, Safari 16.4 */
});
"""


def make_old(context: BrowserContext) -> None:
    """Take the newer functions away from every page and frame of ``context``, before its own scripts run."""
    context.add_init_script(_SCRIPT % list(REMOVED))
