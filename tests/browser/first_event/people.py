"""The steps with people in them: a colleague, a visitor of the partner's page, the members of the group."""

from playwright.sync_api import expect

from tests.browser.first_event.walkthrough import Walkthrough
from tests.browser.test_access import give_authenticator
from tests.support.waiting import poll_until

VISITOR, COLLEAGUE, MEMBER = "visitor@example.org", "colleague@example.org", "member@example.org"
MEMBERS = b"""Name,E-mail,Working group,Language
A member,member@example.org,Housing,fr
A visitor,visitor@example.org,Housing,en
"""
FORM = "upr-webinar-wednesday-11"
SUBJECT = "Who speaks for us in webinar #11?"


def invite(walkthrough: Walkthrough) -> None:
    """A coordinator gets a mail, makes a passkey and is signed in."""
    page = walkthrough.page
    walkthrough.first_steps()
    walkthrough.follow("Invite a colleague")
    page.get_by_label("Their name").fill("A colleague")
    page.get_by_label("Their e-mail address").fill(COLLEAGUE)
    page.get_by_label("Coordinator:").check()
    walkthrough.press("Preview")
    walkthrough.take_screenshot("invite")
    walkthrough.press("Send the invitation")
    expect(page.get_by_role("status")).to_contain_text("The invitation is on its way.")
    colleague = walkthrough.colleague = walkthrough.open_mailed(COLLEAGUE, "/console/invitation/")
    give_authenticator(colleague)
    colleague.reload()
    colleague.get_by_label("Name of this passkey").fill("My laptop")
    walkthrough.take_screenshot("invitation", colleague)
    colleague.get_by_role("button", name="Create a passkey").click()
    expect(colleague.get_by_role("link", name="A colleague")).to_be_visible()


def register(walkthrough: Walkthrough) -> None:
    """A visitor of the partner's page registers, and confirms by the link in the mail."""
    visitor = walkthrough.open_window()
    visitor.goto(walkthrough.demo.ports.partner_url)
    form = visitor.frame_locator("troika-form iframe")
    form.get_by_label("Your name").fill("A visitor")
    form.get_by_label("E-mail address").fill(VISITOR)
    form.get_by_label("Organisation").fill("Example Organisation")
    form.get_by_label("Working group", exact=True).select_option(label="Housing")
    form.locator("[data-consent] input[type=checkbox]").check()
    walkthrough.take_screenshot("register", visitor)
    form.get_by_role("button", name="Register").click()
    form.get_by_text("Your code").wait_for()
    walkthrough.take_screenshot("receipt", visitor)
    visitor = walkthrough.open_mailed(VISITOR, "/c/")
    visitor.get_by_label("Confirm this registration").check()
    walkthrough.take_screenshot("confirm", visitor)
    visitor.get_by_role("button", name="Send my choices").click()
    expect(visitor.get_by_text("You are registered")).to_be_visible()
    walkthrough.take_screenshot("confirmed", visitor)


def see_who(walkthrough: Walkthrough) -> None:
    """The colleague signs in with the passkey, finds the visitor, and sees who is missing."""
    page = walkthrough.colleague
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("navigation", name="Console").get_by_role("link", name="People").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    walkthrough.take_screenshot("people", page, at=".table")
    page.get_by_role("link", name="A visitor").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A visitor")


def bring_members(walkthrough: Walkthrough) -> None:
    """A form by which people join groups, and a file with those who have joined on paper."""
    page = walkthrough.page
    page.get_by_role("navigation", name="Set-up").get_by_role("link", name="Forms", exact=True).click()
    walkthrough.follow("New form")
    page.get_by_label("Title in English").fill("Join a working group")
    page.get_by_label("Start from").select_option(label="Usual questions: working group")
    walkthrough.press("Create the draft")
    walkthrough.press("Publish")
    walkthrough.press("Yes, publish it")
    walkthrough.follow("Import people")
    page.get_by_label("File").set_input_files({"name": "members.csv", "mimeType": "text/csv", "buffer": MEMBERS})
    walkthrough.press("Read the file")
    walkthrough.take_screenshot("columns")
    walkthrough.press("Check every row")
    page.get_by_label("How did these people agree?").fill("Signed the list of the group's meeting")
    walkthrough.take_screenshot("rows")
    walkthrough.press("Import 2 people")
    expect(page.get_by_text("Outcome of the rows")).to_be_visible(timeout=30_000)
    walkthrough.take_screenshot("imported")


def write(walkthrough: Walkthrough) -> None:
    """A bulletin in two languages to the members of the group who are not registered for the webinar."""
    page = walkthrough.page
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Events").click()
    walkthrough.follow("UPR Webinar Wednesday #11")
    walkthrough.take_screenshot("coverage", at="#coverage")
    walkthrough.follow("Write to members who are not registered")
    page.locator("#subject-en").fill(SUBJECT)
    link = f"{walkthrough.demo.ports.public_url}/embed/{FORM}"
    page.locator("#text-en").fill(f"No one from your group is in the webinar yet. Please register: {link}")
    page.locator("#subject-fr").fill("Qui parle pour nous au webinaire n° 11 ?")
    page.locator("#text-fr").fill(f"Votre groupe n’a encore personne au webinaire. Merci de vous inscrire : {link}")
    walkthrough.take_screenshot("write")
    walkthrough.press("Save the draft and see who gets it")
    walkthrough.take_screenshot("bulletin")
    walkthrough.press("Send to 1 person")
    mailed = poll_until(
        lambda: [mail for mail in walkthrough.demo.mails(MEMBER) if "webinaire" in mail["subject"]], 30.0
    )
    assert mailed is not None
    assert len(mailed) == 1
    assert all(mail["subject"] != SUBJECT for mail in walkthrough.demo.mails(VISITOR))
    page.goto(f"{walkthrough.demo.ports.inbox_url}/mails/{mailed[0]['id']}")
    walkthrough.take_screenshot("bulletin-mail")
    expect(page.frame_locator("iframe").get_by_role("link", name=link)).to_have_attribute("href", link)
    with page.expect_popup() as opened:
        page.locator(".links").get_by_role("link", name=link, exact=True).click()
    expect(opened.value.get_by_role("button", name="Register")).to_be_visible()
    opened.value.close()
