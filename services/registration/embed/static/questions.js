/* Reads the answers, shows the questions that apply, and fills in what the browser knows. */

const TRANSPORT = ["partner", "lang", "website"];

/* Browsers still report the old names of these zones. */
const LATER_NAMES = {
  "Africa/Asmera": "Africa/Asmara",
  "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
  "America/Catamarca": "America/Argentina/Catamarca",
  "America/Coral_Harbour": "America/Atikokan",
  "America/Cordoba": "America/Argentina/Cordoba",
  "America/Godthab": "America/Nuuk",
  "America/Indianapolis": "America/Indiana/Indianapolis",
  "America/Jujuy": "America/Argentina/Jujuy",
  "America/Louisville": "America/Kentucky/Louisville",
  "America/Mendoza": "America/Argentina/Mendoza",
  "Asia/Calcutta": "Asia/Kolkata",
  "Asia/Katmandu": "Asia/Kathmandu",
  "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh",
  "Atlantic/Faeroe": "Atlantic/Faroe",
  "Europe/Kiev": "Europe/Kyiv",
  "Pacific/Enderbury": "Pacific/Kanton",
  "Pacific/Ponape": "Pacific/Pohnpei",
  "Pacific/Truk": "Pacific/Chuuk",
};

/* The answers as the service's JSON has them; questions that are hidden or empty are left out. */
export function answersOf(form) {
  const data = new FormData(form);
  const answers = {};
  for (const name of TRANSPORT) {
    if (data.get(name)) answers[name] = data.get(name);
  }
  for (const question of form.querySelectorAll("[data-field]:not([hidden])")) {
    const given = data.getAll(question.dataset.field).filter((value) => value !== "");
    if (given.length) answers[question.dataset.field] = typed(question.dataset.type, given);
  }
  return answers;
}

function typed(type, given) {
  if (type === "list") return given;
  const [value] = given;
  if (type === "boolean") return value === "yes";
  return type === "number" ? numberIn(value.trim()) : value;
}

const NUMBER = /^[+-]?\d{1,15}(?:[.,]\d{1,6})?$/;
/* Thousands, or decimals: the service knows what the question asks for. */
const GROUPED = /^[+-]?[1-9]\d{0,2}[.,]\d{3}$/;

/* The service reads digits of other scripts: it gets the text, as of what is no number. */
function numberIn(text) {
  return NUMBER.test(text) && !GROUPED.test(text) ? Number(text.replace(",", ".")) : text;
}

/* Hides each question whose condition is not met, at once and on every change. */
export function watchConditions(form) {
  const conditional = [...form.querySelectorAll("[data-shown-when]")];
  const apply = () => {
    for (const question of conditional) question.hidden = !isMet(form, question.dataset);
  };
  form.addEventListener("input", apply);
  form.addEventListener("change", apply);
  apply();
}

function isMet(form, { shownWhen, shownEquals }) {
  const question = form.querySelector(`[data-field="${shownWhen}"]`);
  if (question?.hidden) return false;
  const given = new FormData(form).getAll(shownWhen).filter((value) => value.trim() !== "");
  if (shownEquals !== undefined) return given.includes(shownEquals);
  return given.length > 0 && !(question?.dataset.type === "boolean" && given[0] === "no");
}

/* Time zone, and the country that goes with it, where the person has not chosen. Nothing is sent by this. */
export function fillFromBrowser(form) {
  const reported = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zone = LATER_NAMES[reported] ?? reported;
  for (const select of form.querySelectorAll("select[data-countries]")) {
    const isOffered = [...select.options].some((option) => option.value === zone);
    if (!select.value && isOffered) select.value = zone; /* others may be unknown to the service */
  }
  const zones = form.querySelector("select[data-countries]");
  const end = 2 * zones?.selectedIndex;
  const country = zones?.dataset.countries.slice(end - 2, end);
  for (const select of form.querySelectorAll('[data-field="country"] select')) {
    if (!select.value && country) select.value = country;
  }
}
