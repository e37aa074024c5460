/* <troika-form form="…" partner="…">: a form in a frame, for registering or for proposing a side event. Needs of a page's policy:
   script-src and frame-src with the origin of this file. Sets no cookie, reads nothing of the page. */

const HOME = new URL(import.meta.url).origin;
const PLACES = { "side-event-proposal": "/propose" }; /* forms of other services; all others are below /embed */
const READY_WITHIN_MS = 8000;
const HEIGHT_WITHOUT_WORD_PX = 900;
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
const WORDS = {
  en: "Registration",
  fr: "Inscription",
  es: "Inscripción",
  ar: "التسجيل",
  ru: "Регистрация",
  zh: "报名",
};
const STYLE = `
  :host { display: block; }
  :host([hidden]) { display: none; }
  iframe { display: block; inline-size: 100%; border: 0; }
  iframe:not(.ready) { position: absolute; inset-inline-start: -200vw; visibility: hidden; }
`;

class TroikaForm extends HTMLElement {
  static observedAttributes = Object.keys(CHECKS);

  #frame = null;
  #timer = 0;
  #ready = false;
  #planned = false;
  #listen = (message) => this.#hear(message);

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    window.addEventListener("message", this.#listen);
    this.#plan();
  }

  disconnectedCallback() {
    window.removeEventListener("message", this.#listen);
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
    queueMicrotask(() => {
      this.#planned = false;
      if (this.isConnected) this.#load();
    });
  }

  /* The link inside the element stays on the page until the frame has said that it works. */
  #build() {
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); /* not subject to the page's style-src */
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(document.createElement("slot"));
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

  /* What the frame is called where the page says nothing, in the language the form will have. */
  #word() {
    const known = [this.#language(), ...navigator.languages].map((tag) => WORDS[tag.slice(0, 2).toLowerCase()]);
    return known.find(Boolean) ?? WORDS.en;
  }

  #address() {
    const form = this.#value("form");
    const address = new URL(Object.hasOwn(PLACES, form) ? PLACES[form] : `/embed/${form}`, HOME);
    const lang = this.#language();
    address.searchParams.set("theme", this.#theme());
    const rest = ["partner", "accent", "radius", "font"].map((name) => [name, this.#value(name)]);
    for (const [name, value] of [["lang", lang], ...rest, ["parent", location.origin]]) {
      if (value) address.searchParams.set(name, value);
    }
    return address.href;
  }

  #load() {
    clearTimeout(this.#timer);
    this.#frame?.remove();
    this.#frame = null;
    this.#ready = false;
    this.shadowRoot.querySelector("slot").hidden = false;
    if (!this.#value("form")) return this.#tell("error", { code: "no-form" });
    const frame = document.createElement("iframe");
    frame.title = this.getAttribute("title") || this.textContent.trim() || this.#word();
    frame.loading = "eager";
    frame.referrerPolicy = "origin";
    frame.style.height = `${HEIGHT_WITHOUT_WORD_PX}px`;
    frame.src = this.#address();
    this.#frame = frame;
    this.#timer = setTimeout(() => this.#tell("error", { code: "no-answer" }), READY_WITHIN_MS);
    this.shadowRoot.append(frame);
    return undefined;
  }

  #hear(message) {
    const frame = this.#frame;
    if (!frame || message.origin !== HOME || message.source !== frame.contentWindow) return;
    const { type, height, status, code } = Object(message.data);
    if (type === "troika:ready") this.#show();
    if (type === "troika:height" && Number.isFinite(height)) {
      frame.style.height = `${Math.min(Math.max(Math.ceil(height), LIMITS_PX[0]), LIMITS_PX[1])}px`;
    }
    if (type === "troika:registered") this.#tell("registered", { form: this.#value("form"), status: String(status) });
    if (type === "troika:proposed") this.#tell("proposed", { form: this.#value("form") });
    if (type === "troika:error") this.#tell("error", { code: String(code) });
    if (["troika:registered", "troika:proposed", "troika:error"].includes(type)) this.#scrollToTop();
  }

  #show() {
    if (this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#timer);
    this.shadowRoot.querySelector("slot").hidden = true;
    this.#frame.classList.add("ready");
    this.#tell("ready", { form: this.#value("form") });
  }

  /* A frame that becomes shorter would leave its message above the window. */
  #scrollToTop() {
    if (this.getBoundingClientRect().top < 0) this.scrollIntoView({ block: "start" });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`troika:${name}`, { detail, bubbles: true }));
  }
}

if (!customElements.get("troika-form")) customElements.define("troika-form", TroikaForm);
