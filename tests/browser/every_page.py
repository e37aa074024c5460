"""Every page that people see, by name: those with pictures, and rarer ones."""

import re
from email import message_from_bytes

import requests
from playwright.sync_api import Page

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.places import Places
from deploy.local.screenshot_pages.console import console, person
from deploy.local.screenshot_pages.mails import bulletin_id
from deploy.local.screenshot_pages.opening import OpenPage, opened
from deploy.local.screenshot_pages.participants import confirmation, form_in, own_page
from deploy.local.screenshot_pages.side_events import NEW, RETURNED, TITLES, own_proposal
from deploy.local.screenshot_pages.table import SCREENSHOT_PAGES


def _faults_in(language: str) -> OpenPage:
    def open_page(page: Page, places: Places) -> None:
        form_in(language)(page, places)
        page.click("button[type=submit]")
        page.locator("#summary").wait_for()

    return open_page


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


def _own_data_in_arabic(page: Page, places: Places) -> None:
    own_page(page, places)
    page.goto(f"{page.url}/my-data?lang=ar")


def limited(family: str, language: str) -> OpenPage:
    """The page behind the read-only link (``v``) or the join link (``j``) of someone's confirmation."""

    def open_page(page: Page, places: Places) -> None:
        mail = requests.get(f"{places.ports.inbox_url}/mails/{confirmation(places)['id']}.eml", timeout=5).content
        parts = [part.get_payload(decode=True) for part in message_from_bytes(mail).walk() if not part.is_multipart()]
        whole = b"".join(part for part in parts if isinstance(part, bytes)).replace(b"\r\n ", b"").decode()
        [path, *_] = re.findall(rf"/{family}/[A-Za-z0-9_-]{{43}}", whole)
        page.goto(f"{places.ports.public_url}{path}?lang={language}")

    return open_page


def _question(page: Page, places: Places) -> None:
    own_page(page, places)
    page.goto(f"{page.url}?ask=cancel")


def _wrong_key(page: Page, places: Places) -> None:
    page.goto(f"{places.ports.public_url}/console/sign-in")
    page.fill("#key", "mistyped")
    page.click("button[type=submit]")
    page.get_by_role("alert").wait_for()


def _sealed(page: Page, places: Places) -> None:
    person(page, places)
    page.fill("#reason", "To look at this page")
    page.get_by_role("button", name="Show sealed answers").click()
    page.get_by_text("Vegetarian").wait_for()


def _reason_refused(page: Page, places: Places) -> None:
    person(page, places)
    page.locator("#reason").evaluate("(field) => field.removeAttribute('minlength')")
    page.fill("#reason", "short")
    page.get_by_role("button", name="Show sealed answers").click()
    page.get_by_role("alert").wait_for()


def _event_refused(page: Page, places: Places) -> None:
    console("/console/new-event")(page, places)
    page.locator("form[method=post] [required]").evaluate_all(
        "all => all.forEach(one => one.removeAttribute('required'))"
    )
    page.locator("main form[method=post] button[type=submit]").first.click()
    page.get_by_role("alert").wait_for()


def _draft_again(page: Page, places: Places) -> None:
    _draft(page, places)
    page.goto(f"{page.url}/change")


def _draft(page: Page, places: Places) -> None:
    console("/console/mail/bulletins/new")(page, places)
    page.fill("#subject-en", "Who speaks for your group?")
    page.fill("#text-en", f"Please choose somebody.\n\nRegister here: {places.ports.public_url}/embed/{WEBINAR}")
    page.fill("#subject-ar", "\u0645\u0646 \u064a\u0645\u062b\u0644\u0643\u0645\u061f")
    page.fill("#text-ar", "\u0627\u062e\u062a\u0627\u0631\u0648\u0627.")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("heading", name="Recipients").wait_for()


def _outcome(page: Page, places: Places) -> None:
    console(f"/console/mail/bulletins/{bulletin_id(places)}/outcome?outcome=sent")(page, places)


PAGES: dict[str, OpenPage] = {
    **SCREENSHOT_PAGES,
    "bulletin-new": console("/console/mail/bulletins/new"),
    "console-not-notified": console("/console/mail/not-notified"),
    "bulletin-draft": _draft,
    "bulletin-outcome": _outcome,
    "console-write-to": console("/console/registrations/write?q=participant"),
    "no-way-out": opened("/u/none"),
    "all-questions": _all_questions,
    "form-faults-ar": _faults_in("ar"),
    "plain-frame": _plain_frame,
    "without-partner": opened(f"/embed/{WEBINAR}?lang=zh"),
    "themed": opened(f"/embed/{WEBINAR}?partner={PARTNER}&accent=%23ffcc00&radius=0&font=Georgia"),
    "own-page-ar": _own_page_in_arabic,
    "own-page-question": _question,
    "link-gone": opened("/r/mistyped"),
    "my": opened("/my?lang=ar"),
    "my-sent": opened("/my?sent=1&lang=fr"),
    "own-data-ar": _own_data_in_arabic,
    "console-person-export": console("/console/registrations/person-export"),
    "read-only": limited("v", "en"),
    "read-only-ar": limited("v", "ar"),
    "join-early": limited("j", "en"),
    "join-early-ar": limited("j", "ar"),
    "limited-gone": opened("/v/mistyped?lang=ru"),
    "confirming-gone-ar": opened("/c/mistyped?lang=ar"),
    "first-page": opened("/"),
    "interface": opened("/-/registration/docs"),
    "console-wrong-key": _wrong_key,
    "form-joining": opened("/embed/join-working-group?lang=fr"),
    "form-guest-list": opened("/embed/review-press-conference?lang=ru"),
    "form-interest": opened("/embed/council-session-interest?lang=zh"),
    "programme-everything": opened("/programme?show=all&lang=fr"),
    "programme-series-zh": opened("/programme/series/upr-webinar-wednesday?lang=zh"),
    "programme-groups-ru": opened("/programme/groups?lang=ru"),
    "programme-none": opened("/programme/none"),
    "timetable-fr": opened("/programme/timetable?lang=fr"),
    "own-proposal-returned": own_proposal(RETURNED, "?lang=ar"),
    "own-proposal-question": own_proposal(NEW, "?ask=cancel&lang=ru"),
    "own-proposal-scheduled-es": own_proposal(TITLES[1], "?lang=es"),
    "own-proposal-again": own_proposal(RETURNED, "/answers?lang=ar"),
    "bulletin-draft-again": _draft_again,
    "console-event-refused": _event_refused,
    "console-reschedule": console("/console/events/upr-review/change/reschedule"),
    "console-attendance": console("/console/events/upr-review/change/attendance"),
    "console-internal": console("/console?internal=true"),
    "console-event-draft-edit": console("/console/events/upr-cities-training/edit"),
    "console-resource-edit": console(f"/console/events/{WEBINAR}/resources/{WEBINAR}-slides"),
    "console-no-event": console("/console/events/none"),
    "console-resources": console("/console/events/upr-cities-training"),
    "console-travellers": console(f"/console/registrations?form=geneva-delegation&not_registered_for={WEBINAR}"),
    "console-sealed": _sealed,
    "console-reason-refused": _reason_refused,
}
