"""Each kind of mail in each language, for documentation and for eyes. The event is the reference scenario's webinar."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from services.notifications.mail.content import KINDS, EventCopy, MailContext, MailKind, Recipient
from services.notifications.mail.rendering import render
from services.notifications.mail.wording import LANGUAGES

SAMPLE = MailContext(
    mail_id="01900000-0000-7000-8000-000000000001",
    kind="confirmation",
    recipient=Recipient(
        registration_id="01900000-0000-7000-8000-000000000002",
        name="A participant",
        address="participant@example.org",
        language="en",
        time_zone="Africa/Nairobi",
        token="sample-link-that-opens-nothing",  # noqa: S106 - opens nothing
        revision=1,
        position=3,
    ),
    event=EventCopy(
        id="upr-webinar-10",
        title="UPR Webinar Wednesday #10: advocacy with embassies and missions",
        summary="How to speak with embassies and permanent missions, and what to expect in Geneva.",
        starts_at=datetime(2020, 3, 4, 19, 0, tzinfo=UTC),
        ends_at=datetime(2020, 3, 4, 20, 30, tzinfo=UTC),
        time_zone="America/New_York",
        status="confirmed",
        mode="online",
        city=None,
        place=None,
        join_url="https://meet.example.org/upr-webinar-10",
        revision=1,
        series="upr-webinar-wednesday",
        series_number=10,
    ),
    public_url="https://register.example.org",
    mail_from="coordinators@example.org",
    organiser_name="UPR coordinators",
    now=datetime(2020, 2, 27, 15, 0, tzinfo=UTC),
)
"""A context to start from: ``dataclasses.replace`` what matters."""


def sample(kind: MailKind, language: str) -> MailContext:
    """The sample context as one kind of mail in one language."""
    return replace(SAMPLE, kind=kind, recipient=replace(SAMPLE.recipient, language=language))


def previews() -> Iterator[tuple[MailKind, str, str]]:
    """Kind, language and HTML part of every mail there is."""
    for language in LANGUAGES:
        for kind in KINDS:
            body = render(sample(kind, language)).get_body(("html",))
            assert body is not None
            yield kind, language, body.get_content()
