"""Settings of the notifications service, from the environment; one error lists all that is missing or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from marshmallow.validate import Range

from services.notifications.composing.mime import domain_of, mailbox
from services.notifications.rights import DESK, PUBLIC, RIGHTS, WEB
from services.notifications.sending.smtp import Timeouts, plain_relay
from shared.cli.settings import (
    CONSUME,
    REKEY,
    CommonSettings,
    read_common,
    read_key_file,
    read_public_url,
    with_embedded,
)
from shared.runtime.settings import SMTP, SettingsEnv, is_loopback
from shared.security.keys import SIGNING_PUBLIC, HeldKey, KeyKind, KeyRule

SEND, SCHEDULE, DELIVER = "send", "schedule", "deliver"
UNKNOWN_AFTER, LEASE = timedelta(minutes=15), timedelta(minutes=10)
A_SECOND, A_DAY = timedelta(seconds=1), timedelta(days=1)

PRIVATE = KeyKind(
    "notifications",
    "TROIKA_NOTIFICATIONS_KEY_FILE",
    "decrypts what other services seal to notifications",
    KeyRule.CURRENT,
    "Messages sealed to this service could not be opened, and would be parked.",
)
VAULT = KeyKind(
    "vault",
    "TROIKA_NOTIFICATIONS_VAULT_FILE",
    "encrypts the recipients",
    KeyRule.DATA,
    "Stored recipients could not be decrypted, and new ones would be encrypted with a key that other processes lack.",
)
WEBHOOK = KeyKind(
    "webhook",
    "TROIKA_WEBHOOK_KEY_FILE",
    "encrypts the secrets of webhooks",
    KeyRule.CURRENT,
    "Calls to partners could not be signed.",
)
UNSUBSCRIBE = KeyKind(
    "unsubscribe",
    "TROIKA_UNSUBSCRIBE_KEY_FILE",
    "encrypts the links to unsubscribe in bulletins",
    KeyRule.CURRENT,
    "Links to unsubscribe in bulletins that were sent before would not work.",
)
KEY_KINDS = (SIGNING_PUBLIC, PRIVATE, VAULT, WEBHOOK, UNSUBSCRIBE)


@dataclass(frozen=True, slots=True)
class NotificationsSettings:
    """Attributes:
    common: settings of every service.
    smtp_url: the mail relay; may contain a password. Only for senders.
    mail_from: a mailbox that people read; Message-IDs end with its domain.
    organiser: display name of the sender.
    private_keys: open the sealed parts of messages, newest first. Only for consumers.
    vault_keys: encrypt recipients, newest first. Not for relays, schedulers and what serves the public alone.
    webhook_keys: encrypt the secrets of webhooks, newest first. Only for the console and deliverers.
    unsubscribe_keys: encrypt unsubscribe links, newest first. Only for senders and what serves the links.
    unknown_after: how long an unknown outcome waits before it is resolved.
    lease: how long a claim lasts; longer than any SMTP dialogue.
    """

    common: CommonSettings
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    organiser: str = ""
    private_keys: tuple[bytes, ...] = field(default=(), repr=False)
    vault_keys: tuple[bytes, ...] = field(default=(), repr=False)
    webhook_keys: tuple[bytes, ...] = field(default=(), repr=False)
    unsubscribe_keys: tuple[bytes, ...] = field(default=(), repr=False)
    unknown_after: timedelta = UNKNOWN_AFTER
    lease: timedelta = LEASE

    @property
    def held_keys(self) -> list[HeldKey]:
        """The keys of this kind of process, to compare with those in the database."""
        return [
            *self.common.held_keys,
            *PRIVATE.held(self.private_keys),
            *VAULT.held(self.vault_keys),
            *WEBHOOK.held(self.webhook_keys),
            *UNSUBSCRIBE.held(self.unsubscribe_keys),
        ]

    @property
    def mail_domain(self) -> str:
        """The domain at the end of Message-IDs."""
        return domain_of(self.mail_from)


def read_settings(process: str = WEB, environment: Mapping[str, str] | None = None) -> NotificationsSettings:
    """What a kind of process needs of the settings in ``environment`` (this process's, if None); the rest is empty.

    Raises:
        SettingsError: something is missing or wrong; it lists all of it.
    """
    env = SettingsEnv(process, environment)
    settings = NotificationsSettings(read_common(env, "notifications", process, serving=(DESK, WEB), public=(PUBLIC,)))
    if process == SEND:
        settings = _with_sending(env, settings)
    if process in (DESK, WEB, CONSUME, SEND, SCHEDULE):
        mail_from = env.parsed("TROIKA_MAIL_FROM", mailbox, about="a mailbox that people read")
        settings = replace(settings, mail_from=mail_from)
    if process in (DESK, WEB, SEND):
        settings = replace(settings, organiser=env.str("TROIKA_ORGANISER", "The organisers"))
    if process == CONSUME:
        settings = replace(settings, private_keys=read_key_file(env, PRIVATE))
    if process in (DESK, WEB, CONSUME, SEND, REKEY):
        settings = replace(settings, vault_keys=read_key_file(env, VAULT))
    if process in (DESK, WEB, DELIVER):
        settings = replace(settings, webhook_keys=read_key_file(env, WEBHOOK))
    if process in (PUBLIC, WEB, SEND):
        settings = replace(settings, unsubscribe_keys=read_key_file(env, UNSUBSCRIBE))
    env.seal()
    return replace(settings, common=with_embedded(settings.common, RIGHTS))


def _with_sending(env: SettingsEnv, settings: NotificationsSettings) -> NotificationsSettings:
    relay = env.parsed("SMTP_URL", str, validate=env.secure(SMTP, plain_relay), about="the mail relay")
    return replace(
        settings,
        common=replace(settings.common, public_url=read_public_url(env)),
        smtp_url=relay,
        unknown_after=env.timedelta("TROIKA_MAIL_UNKNOWN_AFTER_S", UNKNOWN_AFTER, validate=Range(A_SECOND, 7 * A_DAY)),
        lease=_read_lease(env, relay),
    )


def _read_lease(env: SettingsEnv, relay: str | None) -> timedelta:
    """How long a claim lasts: a second sender would send a mail again whose handover takes longer.

    A relay on this machine answers in milliseconds; tests use leases of seconds.
    """
    is_local = is_loopback(urlsplit(relay or "").hostname or "")
    shortest = A_SECOND if is_local else timedelta(seconds=Timeouts().handover_s)
    return env.timedelta("TROIKA_MAIL_LEASE_S", LEASE, validate=Range(shortest, A_DAY))
