"""Every page that people see, by name: those of the pictures, and the rarer ones."""

from playwright.sync_api import Page

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.scenes import SCENES, Places, Scene, form_in, own_page


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


PAGES: dict[str, Scene] = {
    **SCENES,
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
}
