"""The steps of a coordinator who sets up the first event."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.first_event.walkthrough import Walkthrough
from tests.support.accessibility import violations

WEDNESDAY = 2


def start(walkthrough: Walkthrough) -> None:
    """The page at the first address."""
    walkthrough.page.goto(f"{walkthrough.demo.ports.public_url}/")
    walkthrough.take_screenshot("start")
    walkthrough.follow("The coordinators' console")


def sign_in(walkthrough: Walkthrough) -> None:
    """With the key of the terminal, to the first steps."""
    walkthrough.page.get_by_label("Your key").fill(walkthrough.demo.places.key)
    walkthrough.press("Sign in with the key")
    expect(walkthrough.page.get_by_role("heading", level=1)).to_have_text("Set up your first event")
    assert violations(walkthrough.page.main_frame) == []
    walkthrough.take_screenshot("first-steps")


def make_group(walkthrough: Walkthrough) -> None:
    """A working group in two languages."""
    page = walkthrough.page
    walkthrough.follow("New working group")
    page.locator("[name='title.en']").fill("Housing")
    page.locator("[name='title.fr']").fill("Logement")
    walkthrough.press("Save")
    walkthrough.take_screenshot("group")
    walkthrough.press("Create")
    expect(page.get_by_role("status")).to_have_text("Created.")


def make_event(walkthrough: Walkthrough) -> None:
    """Webinar #11, a Wednesday eight to fourteen days ahead, announced."""
    page, today = walkthrough.page, datetime.now(UTC)
    starts = today + timedelta(days=14 - (today.weekday() - WEDNESDAY) % 7)
    walkthrough.first_steps()
    walkthrough.follow("New event")
    page.locator("[name='title.en']").fill("UPR Webinar Wednesday #11")
    page.locator("[name='title.fr']").fill("Mercredi de l’EPU n° 11")
    page.locator("[name='summary.en']").fill("What happens in Geneva, hour by hour.")
    page.locator("[name='summary.fr']").fill("Ce qui se passe à Genève, heure par heure.")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_label("Start").fill(f"{starts:%Y-%m-%d}T14:00")
    page.get_by_label("End", exact=False).first.fill(f"{starts:%Y-%m-%d}T15:00")
    page.get_by_label("Meeting link").fill("https://meet.example.org/upr-webinar-11")
    page.get_by_label("All working groups, including later ones").check()
    walkthrough.take_screenshot("event")
    walkthrough.press("Create the draft")
    walkthrough.take_screenshot("event-draft")
    walkthrough.follow("Announce")
    walkthrough.press("Announce the event")
    expect(page.get_by_role("status")).to_contain_text("The event is announced.")


def add_partner(walkthrough: Walkthrough) -> None:
    """An organisation with the address of its site."""
    page = walkthrough.page
    walkthrough.first_steps()
    walkthrough.follow("New partner")
    page.get_by_label("Name", exact=True).fill("Example Partner")
    page.get_by_label("Addresses of their sites").fill(walkthrough.demo.ports.partner_url)
    walkthrough.take_screenshot("partner")
    walkthrough.press("Add the partner")
    expect(page.get_by_role("status")).to_contain_text("The partner is added.")


def make_form(walkthrough: Walkthrough) -> None:
    """The usual eleven questions and one more, in English and French; shown by the partner."""
    page = walkthrough.page
    walkthrough.first_steps()
    walkthrough.follow("New form")
    expect(page.get_by_label("Title in English")).to_have_value("Register for UPR Webinar Wednesday #11")
    walkthrough.take_screenshot("form-new")
    walkthrough.press("Create the draft")
    walkthrough.press("Add")
    page.locator("[name='label.en']").fill("Which report does your group prepare?")
    page.locator("[name='label.fr']").fill("Quel rapport votre groupe prépare-t-il ?")
    page.get_by_label("Ask it only if").select_option("representative")
    page.get_by_label("was answered with").fill("yes")
    walkthrough.take_screenshot("question", at="[name='label.en']")
    walkthrough.press("Save the question")
    expect(page.locator("#questions ~ form tbody tr, section:has(#questions) tbody tr")).to_have_count(12)
    walkthrough.take_screenshot("questions", at="#questions")
    page.locator("[name='title.fr']").fill("S’inscrire au mercredi de l’EPU n° 11")
    page.get_by_label("Example Partner").check()
    walkthrough.press("Save")
    walkthrough.follow("Français")
    with page.expect_popup() as opened:
        walkthrough.link("Open it in a new tab").click()
    expect(opened.value.get_by_text("Quel rapport votre groupe prépare-t-il ?")).to_be_attached()
    walkthrough.take_screenshot("preview", opened.value)
    opened.value.close()
    walkthrough.press("Publish")
    walkthrough.press("Yes, publish it")
    expect(page.get_by_role("status")).to_contain_text("Published.")
    walkthrough.take_screenshot("form")


def give_lines(walkthrough: Walkthrough) -> None:
    """Copy the lines of the partner's page and paste them into theirs."""
    page, editor = walkthrough.page, walkthrough.open_window()
    walkthrough.follow("the embed code for Example Partner")
    lines = page.get_by_label("HTML code").inner_text()
    walkthrough.take_screenshot("lines", at="#snippet")
    editor.goto(walkthrough.demo.ports.partner_url)
    editor.get_by_label("HTML of the page").fill(lines)
    walkthrough.take_screenshot("paste", editor)
    editor.get_by_role("button", name="Save the page").click()
    expect(editor.frame_locator("troika-form iframe").get_by_label("Your name")).to_be_visible()
