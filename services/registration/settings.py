"""Settings of the registration service, from the environment; one error lists everything missing or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from marshmallow.validate import Range

from services.public_keys import EVENTS_PUBLIC, NOTIFICATIONS_PUBLIC
from services.registration.intake.facts import UNVERIFIED_A_DAY
from services.registration.intake.mail_lines import CONFIRMATION_MAILS_AN_HOUR
from services.registration.people.lapsing import SEAT_HELD_DAYS
from services.registration.rights import CONSUME, DECIDE, DESK, FORMS, OPERATOR, OWN, RIGHTS, TEND, WEB, WORK
from shared.cli.settings import (
    MIGRATE,
    CommonSettings,
    read_common,
    read_database,
    read_key_file,
    read_public_key,
    read_public_url,
    with_embedded,
)
from shared.runtime.deployment import read_rate
from shared.runtime.settings import SettingsEnv, existing_folder, is_same_database
from shared.security.keys import SIGNING, HeldKey, KeyKind, KeyRule

PERSON = KeyKind(
    "person",
    "TROIKA_PERSON_KEY_FILE",
    "turns an address into the reference that others may see",
    KeyRule.IDENTITY,
    "People who are known would be registered a second time, and could not be found again.",
)
MASTER = KeyKind(
    "master",
    "TROIKA_MASTER_KEY_FILE",
    "wraps the private keys of forms",
    KeyRule.DATA,
    "Sealed answers could not be read, and new ones would be lost with the right key.",
)
INTAKE = KeyKind(
    "intake",
    "TROIKA_INTAKE_KEY_FILE",
    "makes receipts, codes and challenges",
    KeyRule.CURRENT,
    "A form that is sent twice would be stored twice, and challenges of other processes would be refused.",
)
DECIDER = KeyKind(
    "decider",
    "TROIKA_DECIDER_KEY_FILE",
    "decrypts submissions",
    KeyRule.DATA,
    "Submissions that wait could not be opened.",
)
PRIVATE = KeyKind(
    "registration",
    "TROIKA_REGISTRATION_KEY_FILE",
    "decrypts what events seals to registration",
    KeyRule.CURRENT,
    "Decisions on proposals could not be opened, and would be parked.",
)
INTAKE_RATE = "120 per minute; 600 per hour"
RATES: Mapping[str, str] = {
    "intake": INTAKE_RATE,
    "challenge": INTAKE_RATE,
    "link": "120 per minute",
    "command": "120 per minute; 1200 per hour",
}
"""Rate of each kind of request that is limited, unless the settings have another: submissions; challenges for them, so
that no client collects challenges while they are cheap; pages behind links in mails, and receipts; commands by link,
which are stored: an office that submits as many forms as it may can confirm each, and once more cancel or change it."""

FORM_KEYS, KEYS_DATABASE = "TROIKA_FORM_KEYS", "TROIKA_KEYS_DATABASE_URL"
KEY_KINDS = (SIGNING, PERSON, MASTER, INTAKE, DECIDER, PRIVATE, NOTIFICATIONS_PUBLIC, EVENTS_PUBLIC)


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """The settings of one kind of process; the others are empty.

    Attributes:
        common: the settings that every service has.
        intake_keys: the keys for receipts, codes and challenges, newest first; they decrypt nothing.
        decider_keys: the private keys to which submissions are sealed, newest first.
        person_keys: the keys from which the reference of an address is derived, newest first.
        master_keys: the keys that wrap the keys of forms, newest first.
        form_keys_folder: the folder of the wrapped keys; an empty path where they are in the keys database.
        keys_database_url: the URL of the keys database, for this process's login; empty where they are in the folder.
        private_keys: the private keys that open what is sealed to this service, newest first.
        notifications_key: the notifications service's public key.
        events_key: the events service's public key.
        organiser: the name of the organiser, which forms show.
        sealed_one_reader: whether opening a whole list of sealed answers, or destroying a key, needs no approval.
        console_url: the address of the console, where links of invitations lead and for which passkeys are made.
        confirmation_mails_an_hour: the hourly budget of confirmation mails to all addresses together, while few of
            their owners confirm.
        unverified_a_day: the number of people whom one client network, or one domain, registers without verification a
            day.
        seat_held_days: the days for which such a registration holds its place until its owner uses a link.
    """

    common: CommonSettings
    intake_keys: tuple[bytes, ...] = field(default=(), repr=False)
    decider_keys: tuple[bytes, ...] = field(default=(), repr=False)
    person_keys: tuple[bytes, ...] = field(default=(), repr=False)
    master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    form_keys_folder: Path = Path()
    keys_database_url: str = field(default="", repr=False)
    private_keys: tuple[bytes, ...] = field(default=(), repr=False)
    notifications_key: bytes = b""
    events_key: bytes = b""
    organiser: str = ""
    sealed_one_reader: bool = False
    console_url: str = ""
    confirmation_mails_an_hour: int = CONFIRMATION_MAILS_AN_HOUR
    unverified_a_day: int = UNVERIFIED_A_DAY
    seat_held_days: int = SEAT_HELD_DAYS

    @property
    def held_keys(self) -> list[HeldKey]:
        """The keys of this kind of process, to be compared with those that the database knows."""
        return [
            *self.common.held_keys,
            *INTAKE.held(self.intake_keys),
            *DECIDER.held(self.decider_keys),
            *PERSON.held(self.person_keys),
            *MASTER.held(self.master_keys),
            *PRIVATE.held(self.private_keys),
            *NOTIFICATIONS_PUBLIC.held([self.notifications_key] if self.notifications_key else []),
            *EVENTS_PUBLIC.held([self.events_key] if self.events_key else []),
        ]


_NEEDS: Mapping[str, frozenset[str]] = {
    "intake": frozenset({FORMS, OWN, WEB}),
    "decider": frozenset({DECIDE, WORK}),
    "person": frozenset({DESK, DECIDE, WEB, WORK}),
    "master": frozenset({DESK, WEB, OPERATOR}),
    "private": frozenset({CONSUME, WORK}),
    "mailed": frozenset({DESK, DECIDE, TEND, WEB, WORK}),
    "organiser": frozenset({FORMS, OWN, WEB}),
    "console": frozenset({DESK, WEB}),
    "budget": frozenset({DECIDE, WORK, FORMS, WEB}),
}
"""Kinds of process by what they need."""

_LIMITED = frozenset({DESK, FORMS, OWN, WEB})


def read_settings(process: str = WEB, environment: Mapping[str, str] | None = None) -> RegistrationSettings:
    """What a kind of process needs of the settings in ``environment`` (this process's, if None); the rest is empty.

    Raises:
        SettingsError: something is missing or wrong; it lists all of it.
    """
    env = SettingsEnv(process, environment)

    def needs(what: str) -> bool:
        return process in _NEEDS[what]

    def file_of(what: str, kind: KeyKind) -> tuple[bytes, ...]:
        return read_key_file(env, kind) if needs(what) else ()

    common = read_common(env, "registration", process, serving=(DESK, WEB), public=(FORMS, OWN), signing=(DESK, WEB))
    settings = RegistrationSettings(
        _with_rates(env, common),
        intake_keys=file_of("intake", INTAKE),
        decider_keys=file_of("decider", DECIDER),
        person_keys=file_of("person", PERSON),
        master_keys=file_of("master", MASTER),
        private_keys=file_of("private", PRIVATE),
        notifications_key=read_public_key(env, NOTIFICATIONS_PUBLIC) if needs("mailed") else b"",
        events_key=read_public_key(env, EVENTS_PUBLIC) if needs("mailed") else b"",
        organiser=env.str("TROIKA_ORGANISER", "The organisers") if needs("organiser") else "",
        sealed_one_reader=env.bool("TROIKA_SEALED_ONE_READER", False) if needs("master") else False,
        console_url=read_public_url(env, "TROIKA_CONSOLE_URL", common.public_url) if needs("console") else "",
        confirmation_mails_an_hour=env.int(
            "TROIKA_CONFIRMATION_MAILS_AN_HOUR", CONFIRMATION_MAILS_AN_HOUR, validate=Range(min=1, max=1_000_000)
        )
        if needs("budget")
        else CONFIRMATION_MAILS_AN_HOUR,
        unverified_a_day=env.int("TROIKA_UNVERIFIED_A_DAY", UNVERIFIED_A_DAY, validate=Range(min=1, max=1_000_000))
        if needs("decider")
        else UNVERIFIED_A_DAY,
        seat_held_days=env.int("TROIKA_SEAT_HELD_DAYS", SEAT_HELD_DAYS, validate=Range(min=1, max=365))
        if needs("decider")
        else SEAT_HELD_DAYS,
    )
    if needs("master") or process == MIGRATE:
        settings = _with_key_store(env, settings, required=needs("master"))
    _require_two_hosts(env, settings)
    env.seal()
    return replace(settings, common=with_embedded(settings.common, RIGHTS))


def _require_two_hosts(env: SettingsEnv, settings: RegistrationSettings) -> None:
    """Coordinators are not the public; a plain http:// installation is a demo, whose hosts differ by their ports."""
    public, console = urlsplit(settings.common.public_url or ""), urlsplit(settings.console_url or "")
    is_named = env.given.get("TROIKA_CONSOLE_URL", "").strip() != ""
    if is_named and public.scheme == console.scheme == "https" and public.hostname == console.hostname:
        env.refuse("TROIKA_CONSOLE_URL", "its host is that of TROIKA_PUBLIC_URL: name a host of its own")


def _with_rates(env: SettingsEnv, common: CommonSettings) -> CommonSettings:
    if common.process not in _LIMITED:
        return common
    rate = env.parsed("TROIKA_LIMIT_INTAKE", read_rate, INTAKE_RATE)
    return replace(common, limits=replace(common.limits, rates={"intake": rate, "challenge": rate}))


def _with_key_store(env: SettingsEnv, settings: RegistrationSettings, *, required: bool) -> RegistrationSettings:
    """The folder of form keys or the keys database: one of them."""
    url = read_database(env, KEYS_DATABASE, "")
    if url and env.str(FORM_KEYS, ""):
        env.refuse(KEYS_DATABASE, f"is set, and {FORM_KEYS} too: keys are in one of them (keys copy)")
    elif url and settings.common.database_url and is_same_database(url, settings.common.database_url):
        env.refuse(KEYS_DATABASE, "is registration's own: a backup of one must not hold the other")
    folder = Path()
    if required and not url:
        folder = env.parsed(FORM_KEYS, existing_folder, about="folder of the wrapped private keys of forms")
    return replace(settings, form_keys_folder=folder, keys_database_url=url)
