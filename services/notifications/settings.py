"""Settings of the notifications service, from the environment; one error lists all that is missing or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from services.notifications.mail.mailbox import domain_of, mailbox
from services.notifications.mail.relay import parse_relay
from shared.core.settings import Reader
from shared.process.settings import CommonSettings, key_file, read_common


@dataclass(frozen=True, slots=True)
class NotificationsSettings:
    """Attributes:
    common: what every service has.
    smtp_url: the relay; may hold a password.
    mail_from: a mailbox that people read; its domain ends Message-IDs and calendar UIDs.
    mail_from_name: shown beside it.
    private_keys: open what is sealed to this service, newest first.
    vault_keys: close the recipient book, newest first.
    news_wait: how long changes of an event are gathered before people are told.
    unknown_after: how long a handover that nobody knows the end of waits before it is decided on.
    lease: how long a claimed mail is a sender's own; longer than any SMTP dialogue can last.
    """

    common: CommonSettings
    smtp_url: str = field(repr=False)
    mail_from: str
    mail_from_name: str
    private_keys: tuple[bytes, ...] = field(repr=False)
    vault_keys: tuple[bytes, ...] = field(repr=False)
    unknown_after: timedelta
    lease: timedelta = timedelta(minutes=10)
    news_wait: timedelta = timedelta(minutes=1)

    @property
    def mail_domain(self) -> str:
        """What Message-IDs end with."""
        return domain_of(self.mail_from)


def read_settings(environment: Mapping[str, str] | None = None) -> NotificationsSettings:
    """The settings from ``environment``, by default that of the process.

    Raises:
        SettingsError: lists everything that is missing or wrong.
    """
    reader = Reader(environment)
    settings = NotificationsSettings(
        common=read_common(reader, "notifications"),
        smtp_url=reader.take("SMTP_URL", _smtp_url),
        mail_from=reader.take("TROIKA_MAIL_FROM", mailbox),
        mail_from_name=reader.text("TROIKA_MAIL_FROM_NAME", "The organisers"),
        private_keys=reader.take("TROIKA_NOTIFICATIONS_KEY_FILE", key_file),
        vault_keys=reader.take("TROIKA_NOTIFICATIONS_VAULT_FILE", key_file),
        unknown_after=timedelta(seconds=reader.integer("TROIKA_MAIL_UNKNOWN_AFTER_S", 900, 1, 7 * 86_400)),
        lease=timedelta(seconds=reader.integer("TROIKA_MAIL_LEASE_S", 600, 1, 86_400)),
        news_wait=timedelta(seconds=reader.integer("TROIKA_NEWS_WAIT_S", 60, 0, 3600)),
    )
    reader.finish()
    return settings


def _smtp_url(text: str) -> str:
    parse_relay(text)
    return text
