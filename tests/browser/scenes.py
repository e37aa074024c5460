"""Every page that people see, by name: those of the pictures, and the rarer ones."""

import requests
from playwright.sync_api import Page

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.scenes import SCENES, Places, Scene, console, form_in, own_page


def _open(path: str) -> Scene:
    def scene(page: Page, places: Places) -> None:
        page.goto(places.ports.public_url + path)

    return scene


def _faults_in(language: str) -> Scene:
    def scene(page: Page, places: Places) -> None:
        form_in(language)(page, places)
        page.click("button[type=submit]")
        page.locator("#summary").wait_for()

    return scene


def _all_questions(page: Page, places: Places) -> None:
    form_in("en")(page, places)
    page.select_option("#field-working_group", "housing")
    page.locator("#field-representative").wait_for()


def _plain_frame(page: Page, places: Places) -> None:
    page.goto(f"{places.ports.partner_url}/plain-frame")
    page.frame_locator("iframe").locator("#field-name").wait_for()


def _own_page_in_arabic(page: Page, places: Places) -> None:
    own_page(page, places)
    page.goto(f"{page.url}?lang=ar")


def _question(page: Page, places: Places) -> None:
    own_page(page, places)
    page.goto(f"{page.url}?ask=cancel")


def _wrong_key(page: Page, places: Places) -> None:
    page.goto(f"{places.ports.public_url}/console/sign-in")
    page.fill("#key", "mistyped")
    page.click("button[type=submit]")
    page.get_by_role("alert").wait_for()


def _traveller(page: Page, places: Places) -> None:
    """The page of somebody who has told us what is sealed."""
    told = {"name": "A traveller", "email": "traveller@example.org", "consent": True, "lang": "en"}
    days = {"arrives_on": "2020-05-09", "leaves_on": "2020-05-13", "nationality": "MX", "diet": "Vegetarian"}
    url = f"{places.ports.public_url}/v1"
    requests.post(f"{url}/forms/geneva-delegation/registrations", json=told | days, timeout=10).raise_for_status()
    headers = {"Authorization": f"Bearer {places.key}"}
    found = requests.get(f"{url}/registrations?q=traveller@", headers=headers, timeout=10).json()["items"]
    console(f"/console/registrations/{found[0]['id']}")(page, places)


def _sealed(page: Page, places: Places) -> None:
    _traveller(page, places)
    page.fill("#reason", "To look at this page")
    page.get_by_role("button", name="Show sealed answers").click()
    page.get_by_text("Vegetarian").wait_for()


def _reason_refused(page: Page, places: Places) -> None:
    _traveller(page, places)
    page.locator("#reason").evaluate("(field) => field.removeAttribute('minlength')")
    page.fill("#reason", "short")
    page.get_by_role("button", name="Show sealed answers").click()
    page.get_by_role("alert").wait_for()


def _draft(page: Page, places: Places) -> None:
    console("/console/mail/bulletins/new")(page, places)
    page.fill("#subject-en", "Who speaks for your group?")
    page.fill("#text-en", f"Please choose somebody.\n\nRegister here: {places.ports.public_url}/embed/{WEBINAR}")
    page.locator("summary", has_text="Arabic").click()
    page.fill("#subject-ar", "\u0645\u0646 \u064a\u0645\u062b\u0644\u0643\u0645\u061f")
    page.fill("#text-ar", "\u0627\u062e\u062a\u0627\u0631\u0648\u0627.")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("heading", name="For whom").wait_for()


PAGES: dict[str, Scene] = {
    **SCENES,
    "mail-overview": console("/console/mail"),
    "bulletin-new": console("/console/mail/bulletins/new"),
    "bulletin-draft": _draft,
    "no-way-out": _open("/u/none"),
    "all-questions": _all_questions,
    "form-faults-ar": _faults_in("ar"),
    "plain-frame": _plain_frame,
    "without-partner": _open(f"/embed/{WEBINAR}?lang=zh"),
    "themed": _open(f"/embed/{WEBINAR}?partner={PARTNER}&accent=%23ffcc00&radius=0&font=Georgia"),
    "own-page-ar": _own_page_in_arabic,
    "own-page-question": _question,
    "link-gone": _open("/r/mistyped"),
    "first-page": _open("/"),
    "interface": _open("/-/registration/docs"),
    "console-wrong-key": _wrong_key,
    "form-delegation": _open("/embed/geneva-delegation?lang=en"),
    "form-delegation-ar": _open("/embed/geneva-delegation?lang=ar"),
    "form-joining": _open("/embed/join-working-group?lang=fr"),
    "form-guest-list": _open("/embed/review-press-conference?lang=ru"),
    "form-interest": _open("/embed/council-session-interest?lang=zh"),
    "console-travellers": console(f"/console/registrations?form=geneva-delegation&not_registered_for={WEBINAR}"),
    "console-person": _traveller,
    "console-sealed": _sealed,
    "console-reason-refused": _reason_refused,
}
