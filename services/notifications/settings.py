"""Settings of the notifications service, from the environment; one error lists everything missing or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from services.notifications.composing.mime import domain_of, mailbox
from services.notifications.rights import RIGHTS
from services.notifications.sending.smtp import parse_relay, plain_relay
from shared.cli.settings import (
    CONSUME,
    REKEY,
    WEB,
    CommonSettings,
    key_file,
    read_common,
    read_public_url,
    with_embedded,
)
from shared.runtime.settings import SMTP, Reader
from shared.security.keys import SIGNING, HeldKey, KeyKind, KeyRule

SEND, SCHEDULE, DELIVER = "send", "schedule", "deliver"


PRIVATE = KeyKind(
    "notifications",
    "TROIKA_NOTIFICATIONS_KEY_FILE",
    KeyRule.CURRENT,
    "Messages sealed to this service could not be opened, and would be parked.",
)
VAULT = KeyKind(
    "vault",
    "TROIKA_NOTIFICATIONS_VAULT_FILE",
    KeyRule.DATA,
    "Stored recipients could not be decrypted, and new ones would be encrypted with a key that other processes lack.",
)
WEBHOOK = KeyKind("webhook", "TROIKA_WEBHOOK_KEY_FILE", KeyRule.CURRENT, "Calls to partners could not be signed.")
KEY_KINDS = (SIGNING, PRIVATE, VAULT, WEBHOOK)


@dataclass(frozen=True, slots=True)
class NotificationsSettings:
    """Attributes:
    common: settings of every service.
    smtp_url: the mail relay; may contain a password. Only for senders.
    mail_from: a mailbox that people read; Message-IDs end with its domain.
    mail_from_name: display name of the sender.
    private_keys: open the sealed parts of messages, newest first. Only for consumers.
    vault_keys: encrypt recipients, newest first. Not for relays and schedulers.
    webhook_keys: encrypt the secrets of webhooks, newest first. Only for the web process and deliverers.
    news_wait: how long changes of an event are collected before news are sent.
    unknown_after: how long an unknown outcome waits before it is resolved.
    lease: how long a claim lasts; longer than any SMTP dialogue.
    """

    common: CommonSettings
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    mail_from_name: str = ""
    private_keys: tuple[bytes, ...] = field(default=(), repr=False)
    vault_keys: tuple[bytes, ...] = field(default=(), repr=False)
    webhook_keys: tuple[bytes, ...] = field(default=(), repr=False)
    unknown_after: timedelta = timedelta(minutes=15)
    lease: timedelta = timedelta(minutes=10)
    news_wait: timedelta = timedelta(minutes=1)

    @property
    def held_keys(self) -> list[HeldKey]:
        """The keys of this kind of process, to compare with those in the database."""
        return [
            *self.common.held_keys,
            *PRIVATE.held(self.private_keys),
            *VAULT.held(self.vault_keys),
            *WEBHOOK.held(self.webhook_keys),
        ]

    @property
    def mail_domain(self) -> str:
        """The domain at the end of Message-IDs."""
        return domain_of(self.mail_from)


def read_settings(environment: Mapping[str, str] | None = None, process: str = WEB) -> NotificationsSettings:
    """Read the settings of a kind of process from ``environment`` (None: its own); others stay empty.

    Raises:
        SettingsError: lists everything that is missing or wrong.
    """
    reader = Reader(environment, process)
    settings = NotificationsSettings(read_common(reader, "notifications", process))
    if process == SEND:
        settings = _with_sending(reader, settings)
    if process in (WEB, CONSUME, SEND, SCHEDULE):
        settings = replace(settings, mail_from=reader.take("TROIKA_MAIL_FROM", mailbox))
    if process in (WEB, SEND):
        settings = replace(settings, mail_from_name=reader.text("TROIKA_MAIL_FROM_NAME", "The organisers"))
    if process == CONSUME:
        settings = replace(
            settings,
            private_keys=reader.take("TROIKA_NOTIFICATIONS_KEY_FILE", key_file),
            news_wait=timedelta(seconds=reader.integer("TROIKA_NEWS_WAIT_S", 60, 0, 3600)),
        )
    if process in (WEB, CONSUME, SEND, REKEY):
        settings = replace(settings, vault_keys=reader.take("TROIKA_NOTIFICATIONS_VAULT_FILE", key_file))
    if process in (WEB, DELIVER):
        settings = replace(settings, webhook_keys=reader.take("TROIKA_WEBHOOK_KEY_FILE", key_file))
    reader.finish()
    return replace(settings, common=with_embedded(reader, settings.common, RIGHTS))


def _with_sending(reader: Reader, settings: NotificationsSettings) -> NotificationsSettings:
    smtp_url = reader.take("SMTP_URL", _smtp_url)
    reader.secure("SMTP_URL", SMTP, plain_relay(smtp_url) if smtp_url else "")
    return replace(
        settings,
        common=replace(settings.common, public_url=read_public_url(reader)),
        smtp_url=smtp_url,
        unknown_after=timedelta(seconds=reader.integer("TROIKA_MAIL_UNKNOWN_AFTER_S", 900, 1, 7 * 86_400)),
        lease=timedelta(seconds=reader.integer("TROIKA_MAIL_LEASE_S", 600, 1, 86_400)),
    )


def _smtp_url(text: str) -> str:
    parse_relay(text)
    return text
