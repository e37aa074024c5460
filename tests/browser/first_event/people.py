"""The steps with people in them: a colleague, a visitor of the partner's page, the members of the group."""

from playwright.sync_api import expect

from tests.browser.first_event.journey import Journey
from tests.browser.test_access import give_authenticator
from tests.support.waiting import poll_until

VISITOR, COLLEAGUE, MEMBER = "visitor@example.org", "colleague@example.org", "member@example.org"
MEMBERS = b"""Name,E-mail,Working group,Language
A member,member@example.org,Housing,fr
A visitor,visitor@example.org,Housing,en
"""
FORM = "upr-webinar-wednesday-11"
SUBJECT = "Who speaks for us in webinar #11?"


def invite(journey: Journey) -> None:
    """A coordinator gets a mail, makes a passkey and is signed in."""
    page = journey.page
    journey.first_steps()
    journey.follow("Invite a colleague")
    page.get_by_label("Their name").fill("A colleague")
    page.get_by_label("Their e-mail address").fill(COLLEAGUE)
    page.get_by_label("Coordinator:").check()
    journey.press("Preview")
    journey.picture("invite")
    journey.press("Send the invitation")
    expect(page.get_by_role("status")).to_contain_text("The invitation is on its way.")
    colleague = journey.colleague = journey.open_mailed(COLLEAGUE, "/console/invitation/")
    give_authenticator(colleague)
    colleague.reload()
    colleague.get_by_label("Name of this passkey").fill("My laptop")
    journey.picture("invitation", colleague)
    colleague.get_by_role("button", name="Create a passkey").click()
    expect(colleague.get_by_role("link", name="A colleague")).to_be_visible()


def register(journey: Journey) -> None:
    """A visitor of the partner's page registers, and confirms by the link in the mail."""
    visitor = journey.open_window()
    visitor.goto(journey.demo.ports.partner_url)
    form = visitor.frame_locator("troika-form iframe")
    form.get_by_label("Your name").fill("A visitor")
    form.get_by_label("E-mail address").fill(VISITOR)
    form.get_by_label("Organisation").fill("Example Organisation")
    form.get_by_label("Working group", exact=True).select_option(label="Housing")
    form.locator("[data-consent] input[type=checkbox]").check()
    journey.picture("register", visitor)
    form.get_by_role("button", name="Register").click()
    form.get_by_text("Your code").wait_for()
    journey.picture("receipt", visitor)
    visitor = journey.open_mailed(VISITOR, "/c/")
    visitor.get_by_label("Confirm this registration").check()
    journey.picture("confirm", visitor)
    visitor.get_by_role("button", name="Send my choices").click()
    expect(visitor.get_by_text("You are registered")).to_be_visible()
    journey.picture("confirmed", visitor)


def see_who(journey: Journey) -> None:
    """The colleague signs in with the passkey, finds the visitor, and sees who is missing."""
    page = journey.colleague
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("navigation", name="Console").get_by_role("link", name="People").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    journey.picture("people", page, at=".table")
    page.get_by_role("link", name="A visitor").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A visitor")


def bring_members(journey: Journey) -> None:
    """A form by which people join groups, and a file with those who have joined on paper."""
    page = journey.page
    page.get_by_role("navigation", name="Set-up").get_by_role("link", name="Forms", exact=True).click()
    journey.follow("New form")
    page.get_by_label("Title in English").fill("Join a working group")
    page.get_by_label("Start from").select_option(label="Usual questions: working group")
    journey.press("Create the draft")
    journey.press("Publish")
    journey.press("Yes, publish it")
    journey.follow("Import people")
    page.get_by_label("File").set_input_files({"name": "members.csv", "mimeType": "text/csv", "buffer": MEMBERS})
    journey.press("Read the file")
    journey.picture("columns")
    journey.press("Check every row")
    page.get_by_label("How did these people agree?").fill("Signed the list of the group's meeting")
    journey.picture("rows")
    journey.press("Import 2 people")
    expect(page.get_by_text("Outcome of the rows")).to_be_visible(timeout=30_000)
    journey.picture("imported")


def write(journey: Journey) -> None:
    """A bulletin in two languages to the members of the group who are not registered for the webinar."""
    page = journey.page
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Events").click()
    journey.follow("UPR Webinar Wednesday #11")
    journey.picture("coverage", at="#coverage")
    journey.follow("Write to members who are not registered")
    page.locator("#subject-en").fill(SUBJECT)
    link = f"{journey.demo.ports.public_url}/embed/{FORM}"
    page.locator("#text-en").fill(f"No one from your group is in the webinar yet. Please register: {link}")
    page.locator("#subject-fr").fill("Qui parle pour nous au webinaire n° 11 ?")
    page.locator("#text-fr").fill(f"Votre groupe n’a encore personne au webinaire. Merci de vous inscrire : {link}")
    journey.picture("write")
    journey.press("Save the draft and see who gets it")
    journey.picture("bulletin")
    journey.press("Send to 1 person")
    mailed = poll_until(lambda: [mail for mail in journey.demo.mails(MEMBER) if "webinaire" in mail["subject"]], 30.0)
    assert mailed is not None
    assert len(mailed) == 1
    assert all(mail["subject"] != SUBJECT for mail in journey.demo.mails(VISITOR))
    page.goto(f"{journey.demo.ports.inbox_url}/mails/{mailed[0]['id']}")
    journey.picture("bulletin-mail")
    expect(page.frame_locator("iframe").get_by_role("link", name=link)).to_have_attribute("href", link)
    with page.expect_popup() as opened:
        page.locator(".links").get_by_role("link", name=link, exact=True).click()
    expect(opened.value.get_by_role("button", name="Register")).to_be_visible()
    opened.value.close()
