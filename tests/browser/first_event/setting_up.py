"""The steps of a coordinator who sets up the first event."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.first_event.journey import Journey
from tests.support.accessibility import violations

WEDNESDAY = 2


def start(journey: Journey) -> None:
    """What stands at the first address."""
    journey.page.goto(f"{journey.demo.ports.public_url}/")
    journey.picture("start")
    journey.follow("The coordinators' console")


def sign_in(journey: Journey) -> None:
    """With the key of the terminal, to the first steps."""
    journey.page.get_by_label("Your key").fill(journey.demo.places.key)
    journey.press("Sign in with the key")
    expect(journey.page.get_by_role("heading", level=1)).to_have_text("Set up your first event")
    assert violations(journey.page.main_frame) == []
    journey.picture("first-steps")


def make_group(journey: Journey) -> None:
    """A working group in two languages."""
    page = journey.page
    journey.follow("New working group")
    page.locator("[name='title.en']").fill("Housing")
    page.locator("[name='title.fr']").fill("Logement")
    journey.press("Save")
    journey.picture("group")
    journey.press("Create")
    expect(page.get_by_role("status")).to_have_text("Created.")


def make_event(journey: Journey) -> None:
    """Webinar #11, a Wednesday eight to fourteen days ahead, announced."""
    page, today = journey.page, datetime.now(UTC)
    starts = today + timedelta(days=14 - (today.weekday() - WEDNESDAY) % 7)
    journey.first_steps()
    journey.follow("New event")
    page.locator("[name='title.en']").fill("UPR Webinar Wednesday #11")
    page.locator("[name='title.fr']").fill("Mercredi de l’EPU n° 11")
    page.locator("[name='summary.en']").fill("What happens in Geneva, hour by hour.")
    page.locator("[name='summary.fr']").fill("Ce qui se passe à Genève, heure par heure.")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_label("Start").fill(f"{starts:%Y-%m-%d}T14:00")
    page.get_by_label("End", exact=False).first.fill(f"{starts:%Y-%m-%d}T15:00")
    page.get_by_label("Meeting link").fill("https://meet.example.org/upr-webinar-11")
    page.get_by_label("All working groups, including later ones").check()
    journey.picture("event")
    journey.press("Create the draft")
    journey.picture("event-draft")
    journey.follow("Announce")
    journey.press("Announce the event")
    expect(page.get_by_role("status")).to_contain_text("The event is announced.")


def add_partner(journey: Journey) -> None:
    """An organisation with the address of its site."""
    page = journey.page
    journey.first_steps()
    journey.follow("New partner")
    page.get_by_label("Name", exact=True).fill("Example Partner")
    page.get_by_label("Addresses of their sites").fill(journey.demo.ports.partner_url)
    journey.picture("partner")
    journey.press("Add the partner")
    expect(page.get_by_role("status")).to_contain_text("The partner is added.")


def make_form(journey: Journey) -> None:
    """The usual eleven questions and one more, in English and French; shown by the partner."""
    page = journey.page
    journey.first_steps()
    journey.follow("New form")
    expect(page.get_by_label("Title in English")).to_have_value("Register for UPR Webinar Wednesday #11")
    journey.picture("form-new")
    journey.press("Create the draft")
    journey.press("Add")
    page.locator("[name='label.en']").fill("Which report does your group prepare?")
    page.locator("[name='label.fr']").fill("Quel rapport votre groupe prépare-t-il ?")
    page.get_by_label("Ask it only if").select_option("representative")
    page.get_by_label("was answered with").fill("yes")
    journey.picture("question", at="[name='label.en']")
    journey.press("Save the question")
    expect(page.locator("#questions ~ form tbody tr, section:has(#questions) tbody tr")).to_have_count(12)
    journey.picture("questions", at="#questions")
    page.locator("[name='title.fr']").fill("S’inscrire au mercredi de l’EPU n° 11")
    page.get_by_label("Example Partner").check()
    journey.press("Save")
    journey.follow("Français")
    with page.expect_popup() as opened:
        journey.link("Open it in a new tab").click()
    expect(opened.value.get_by_text("Quel rapport votre groupe prépare-t-il ?")).to_be_attached()
    journey.picture("preview", opened.value)
    opened.value.close()
    journey.press("Publish")
    journey.press("Yes, publish it")
    expect(page.get_by_role("status")).to_contain_text("Published.")
    journey.picture("form")


def give_lines(journey: Journey) -> None:
    """Copy the lines of the partner's page and paste them into theirs."""
    page, editor = journey.page, journey.open_window()
    journey.follow("the embed code for Example Partner")
    lines = page.get_by_label("HTML code").inner_text()
    journey.picture("lines", at="#snippet")
    editor.goto(journey.demo.ports.partner_url)
    editor.get_by_label("HTML of the page").fill(lines)
    journey.picture("paste", editor)
    editor.get_by_role("button", name="Save the page").click()
    expect(editor.frame_locator("troika-form iframe").get_by_label("Your name")).to_be_visible()
