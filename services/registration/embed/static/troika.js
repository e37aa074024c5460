/* <troika-form form="…" partner="…">: a form in a frame, for registering or for proposing a side event. Needs of a page's policy:
   script-src and frame-src with the origin of this file. Sets no cookie, reads nothing of the page.
   Browsers from Safari 15.4, Chrome 100 and Firefox 100 on; in older ones, and whatever fails, the link inside stays. */

const HOME = new URL(import.meta.url).origin;
const READY_WITHIN_MS = 8000;
const MESSAGE_WITHIN_MS = 1500; /* after the frame has loaded: our pages send theirs before that */
const DEFAULT_HEIGHT_PX = 900; /* higher than most windows: what follows the form does not move within sight */
const LIMITS_PX = [120, 20000];
const CHECKS = {
  form: /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
  partner: /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
  lang: /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/,
  theme: /^(?:auto|light|dark)$/,
  accent: /^#[0-9a-fA-F]{6}$/,
  radius: /^(?:[0-9]|[12][0-9]|3[0-2])(?:px)?$/,
  font: /^[A-Za-z][A-Za-z0-9, -]{0,98}[A-Za-z0-9]$/,
};
const HEIGHT = /^[1-9][0-9]{1,4}$/;
const WORDS = {
  en: "Registration",
  fr: "Inscription",
  es: "Inscripción",
  ar: "التسجيل",
  ru: "Регистрация",
  zh: "报名",
};
const PASSED_ON = ["troika:started", "troika:submitted"];
const ANSWERED = ["troika:submitted", "troika:error"];
const STYLE = ":host { display: block; scroll-margin-block-start: 7rem; } :host([hidden]) { display: none; }";
/* Until the frame is ready it lies unseen over the space that is kept free for it: as wide as it will be, so that the
   height that it reports is the one that it will have, and no higher than that space, so that the page cannot be
   scrolled past its end where the frame never becomes ready. */
const WAITING = { position: "absolute", insetBlockStart: "0", insetInlineStart: "0", maxBlockSize: "100%", visibility: "hidden" };
const SHOWN = { position: "static", maxBlockSize: "none", visibility: "visible" };

class TroikaForm extends HTMLElement {
  static observedAttributes = Object.keys(CHECKS);

  #space = document.createElement("div");
  #slot = document.createElement("slot");
  #frame = null;
  #timer = 0;
  #ready = false;
  #failed = false;
  #planned = false;
  #heightBefore = 0;
  #listen = (message) => this.#onMessage(message);
  #refused = (violation) => this.#onViolation(violation);

  connectedCallback() {
    this.#attempt(() => {
      if (!this.shadowRoot) this.#build();
      window.addEventListener("message", this.#listen);
      document.addEventListener("securitypolicyviolation", this.#refused);
      this.#plan();
    });
  }

  disconnectedCallback() {
    window.removeEventListener("message", this.#listen);
    document.removeEventListener("securitypolicyviolation", this.#refused);
    clearTimeout(this.#timer);
    this.#frame?.remove();
    this.#frame = null;
  }

  attributeChangedCallback() {
    if (this.isConnected && this.shadowRoot) this.#plan();
  }

  /* Several attributes that change together lead to one load. */
  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    Promise.resolve().then(() => {
      this.#planned = false;
      if (this.isConnected) this.#attempt(() => this.#load());
    });
  }

  /* Whatever throws, the link inside the element stays on the page. */
  #attempt(step) {
    try {
      step();
    } catch (error) {
      console.error(error);
      if (this.shadowRoot && !this.shadowRoot.contains(this.#slot)) this.replaceWith(...this.childNodes);
      else this.#fail("script-failed");
    }
  }

  /* The link inside the element stays on the page until the frame has reported that it works. */
  #build() {
    this.#space.style.position = "relative";
    this.#space.append(this.#slot);
    /* An element with the slot "room" holds the space before this script is there, and is gone with the shadow root. */
    if (this.querySelector('[slot="room"]')) this.#heightBefore = this.getBoundingClientRect().height;
    this.attachShadow({ mode: "open" }).append(this.#space);
    this.#addStyle();
  }

  /* Not subject to the page's style-src. Before Safari 16.4 and Firefox 101 there are no sheets made by scripts. */
  #addStyle() {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.shadowRoot.adoptedStyleSheets = [sheet];
    } catch {
      if (getComputedStyle(this).display === "inline") this.style.display = "block";
      this.style.scrollMarginBlockStart ||= "7rem";
    }
  }

  #value(name) {
    const value = (this.getAttribute(name) ?? "").trim();
    return CHECKS[name].test(value) ? value : "";
  }

  /* `auto` follows the reader's device only where the page around does, so that no dark box stands in a light page. */
  #theme() {
    const wanted = this.#value("theme") || "auto";
    const declared = document.querySelector('meta[name="color-scheme"]')?.content ?? "";
    const followsDevice = `${getComputedStyle(this).colorScheme} ${declared}`.includes("dark");
    return wanted === "auto" && !followsDevice ? "light" : wanted;
  }

  #language() {
    return this.#value("lang") || this.closest("[lang]")?.lang || "";
  }

  /* What screen readers call the frame. Only the words of the link: the comment that hides the line for the space is text too. */
  #title() {
    return this.getAttribute("title") || this.querySelector("a")?.textContent.trim() || this.#word();
  }

  /* What the frame is called where the page names nothing, in the language the form will have. */
  #word() {
    const known = [this.#language(), ...navigator.languages].map((tag) => WORDS[tag.slice(0, 2).toLowerCase()]);
    return known.find(Boolean) ?? WORDS.en;
  }

  #address() {
    const address = new URL(`/embed/${this.#value("form")}`, HOME);
    const lang = this.#language();
    address.searchParams.set("theme", this.#theme());
    const rest = ["partner", "accent", "radius", "font"].map((name) => [name, this.#value(name)]);
    for (const [name, value] of [["lang", lang], ...rest, ["parent", location.origin]]) {
      if (value) address.searchParams.set(name, value);
    }
    return address.href;
  }

  /* As high as it is, else as the page asks, else as the space that it has kept free. */
  #expectedHeight() {
    const given = (this.getAttribute("height") ?? "").trim();
    const shown = this.#ready ? this.#frame.offsetHeight : 0;
    return shown || (HEIGHT.test(given) && Number(given)) || this.#heightBefore || DEFAULT_HEIGHT_PX;
  }

  #load() {
    const height = limited(this.#expectedHeight());
    clearTimeout(this.#timer);
    this.#frame?.remove();
    this.#frame = null;
    this.#ready = false;
    this.#failed = false;
    this.#slot.hidden = false;
    if (!this.#value("form")) return this.#fail("form-unknown");
    const frame = document.createElement("iframe");
    frame.title = this.#title();
    frame.loading = "eager";
    frame.referrerPolicy = "origin";
    Object.assign(frame.style, { display: "block", inlineSize: "100%", border: "0", blockSize: `${height}px`, ...WAITING });
    frame.src = this.#address();
    frame.addEventListener("load", () => this.#expectMessage(frame, MESSAGE_WITHIN_MS));
    this.#space.style.minBlockSize = `${height}px`;
    this.#space.append(frame);
    this.#frame = frame;
    this.#expectMessage(frame, READY_WITHIN_MS);
    return undefined;
  }

  /* A frame that has loaded and sends nothing shows the browser's own page about a fault. */
  #expectMessage(frame, within) {
    if (frame !== this.#frame || this.#ready || this.#failed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail("unreachable"), within);
  }

  #onMessage(message) {
    const frame = this.#frame;
    if (!frame || message.origin !== HOME || message.source !== frame.contentWindow) return;
    const { type, height, status, code } = Object(message.data);
    if (type === "troika:height" && Number.isFinite(height)) frame.style.blockSize = `${limited(height)}px`;
    if (type === "troika:ready") this.#show();
    if (PASSED_ON.includes(type)) this.#dispatch(type.slice("troika:".length), { form: this.#value("form") });
    if (type === "troika:registered") this.#dispatch("registered", { form: this.#value("form"), status: String(status) });
    if (type === "troika:error") this.#fail(String(code));
    if (ANSWERED.includes(type)) this.#scrollToTop(type !== "troika:error");
  }

  #onViolation({ effectiveDirective, blockedURI }) {
    if (/^(?:frame|child|default)-src$/.test(effectiveDirective) && blockedURI.startsWith(HOME)) this.#fail("blocked-by-policy");
  }

  #show() {
    if (this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#timer);
    this.#slot.hidden = true;
    Object.assign(this.#frame.style, SHOWN);
    this.#frame.classList.add("ready");
    this.#space.style.minBlockSize = "";
    this.#dispatch("ready", { form: this.#value("form") });
  }

  /* Without a form to show the link stays, and no empty space below it. It is reported once: the first cause is the true one. */
  #fail(code) {
    if (this.#failed && !this.#ready) return;
    this.#failed = true;
    clearTimeout(this.#timer);
    if (!this.#ready) {
      this.#space.style.minBlockSize = "";
      console.warn(`troika-form: the form is not shown, the link stays (${code})`); // for the web editor
    }
    this.#dispatch("error", { code });
  }

  /* A frame that becomes shorter would leave its message above the window, or below a header that stays at its top. */
  #scrollToTop(shorter) {
    const least = shorter ? parseFloat(getComputedStyle(this).scrollMarginTop) || 0 : 0;
    if (this.#ready && this.getBoundingClientRect().top < least) this.scrollIntoView({ block: "start" });
  }

  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(`troika:${name}`, { detail, bubbles: true }));
  }
}

function limited(height) {
  return Math.min(Math.max(Math.ceil(height), LIMITS_PX[0]), LIMITS_PX[1]);
}

if (!customElements.get("troika-form")) customElements.define("troika-form", TroikaForm);
