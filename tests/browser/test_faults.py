"""What a person sees when their answers are not enough, or when the network fails."""

from playwright.sync_api import Route, expect

from tests.browser.keyboard import focused, tab_to, tab_to_button
from tests.browser.running import Demo, new_address
from tests.browser.visiting import Visit

INTAKE = "**/v1/forms/*/registrations"


def test_wrong_answers_are_summed_up_and_can_be_mended(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    tab_to(page, frame, "field-email")
    page.keyboard.type("participant at example.org")
    tab_to_button(page, frame)
    page.keyboard.press("Enter")

    expect(frame.locator("#summary li")).to_have_text(
        [
            "Your name: An answer is needed here.",
            "E-mail address: This is not a complete e-mail address. An example: name@example.org.",
            "We need your agreement before we can take your registration.",
        ]
    )
    assert focused(frame) == "summary"
    assert visitor.wait_until_heard("troika:error") == {"code": "invalid"}
    links = [link.get_attribute("href") for link in frame.locator("#summary a").all()]
    assert links == ["#field-name", "#field-email", "#field-consent"]
    for link in links:
        control = frame.locator(str(link))
        expect(control).to_have_attribute("aria-invalid", "true")
        described = str(control.get_attribute("aria-describedby")).split()
        error = next(frame.locator(f"#{part}") for part in described if part.endswith("-error"))
        expect(error).to_be_visible()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(frame) == "field-name"
    page.keyboard.type("A participant")
    frame.locator("#field-email").fill(address)
    frame.locator("#field-consent").check()
    frame.locator("button[type=submit]").click()

    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert len(demo.registrations(address)) == 1


def test_errors_go_away_when_the_form_is_sent_again(demo: Demo, visitor: Visit) -> None:
    page = visitor.page
    page.goto(demo.form_url)
    page.click("button[type=submit]")
    expect(page.locator("[aria-invalid=true]")).to_have_count(3)
    page.fill("#field-name", "A participant")
    page.click("button[type=submit]")

    expect(page.locator("[aria-invalid=true]")).to_have_count(2)
    expect(page.locator("#name-error")).to_be_hidden()


def test_lost_answer_is_asked_for_again_with_the_same_key(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    keys: list[str | None] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.header_value("Idempotency-Key"))
        if len(keys) > 1:
            route.continue_()
            return
        assert route.fetch().status == 201  # the service has taken it; only the answer is lost
        route.abort()

    page.route(INTAKE, lose_the_first)
    page.goto(demo.form_url)
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.check("#field-consent")
    page.click("button[type=submit]")

    expect(page.locator("#progress")).to_contain_text("Trying again in")
    expect(page.locator("#done h2")).to_have_text("You are registered")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(demo.registrations(address)) == 1
    demo.mail(address)
    assert len(demo.mails(address)) == 1


def test_service_that_does_not_answer_keeps_what_was_typed(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    keys: list[str | None] = []

    def refuse(route: Route) -> None:
        keys.append(route.request.header_value("Idempotency-Key"))
        route.fulfill(status=503, headers={"Retry-After": "1"}, json={"code": "busy"})

    page.route(INTAKE, refuse)
    page.clock.install()
    page.goto(demo.form_url)
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.check("#field-consent")
    page.click("button[type=submit]")
    for attempt in (2, 3, 4, 5):
        expect(page.locator("#progress")).to_contain_text(f"attempt {attempt} of 5")
        page.clock.fast_forward(31_000)

    expect(page.locator("#summary")).to_contain_text("We could not get an answer from the service.")
    assert focused(page.main_frame) == "summary"
    assert page.input_value("#field-email") == address

    page.unroute(INTAKE)
    with page.expect_request(INTAKE) as sent:
        page.click("button[type=submit]")
    expect(page.locator("#done h2")).to_have_text("You are registered")
    assert {*keys, sent.value.header_value("Idempotency-Key")} == {keys[0]}
