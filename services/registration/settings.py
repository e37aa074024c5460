"""Settings of the registration service, from the environment; one error lists everything missing or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.public_keys import EVENTS_PUBLIC, NOTIFICATIONS_PUBLIC
from services.registration.rights import CONSUME, DECIDE, DESK, FORMS, OPERATOR, OWN, RIGHTS, TEND, WEB, WORK
from shared.cli.settings import MIGRATE, CommonSettings, key_file, read_common, read_database, with_embedded
from shared.runtime.deployment import read_rate
from shared.runtime.settings import PUBLIC_URL, Reader, is_same_database, plain_urls
from shared.security.keys import KEY_BYTES, SIGNING, HeldKey, KeyKind, KeyRule

PERSON = KeyKind(
    "person",
    "TROIKA_PERSON_KEY_FILE",
    KeyRule.IDENTITY,
    "People who are known would be registered a second time, and could not be found again.",
)
MASTER = KeyKind(
    "master",
    "TROIKA_MASTER_KEY_FILE",
    KeyRule.DATA,
    "Sealed answers could not be read, and new ones would be lost with the right key.",
)
INTAKE = KeyKind(
    "intake",
    "TROIKA_INTAKE_KEY_FILE",
    KeyRule.CURRENT,
    "A form that is sent twice would be stored twice, and challenges of other processes would be refused.",
)
DECIDER = KeyKind(
    "decider",
    "TROIKA_DECIDER_KEY_FILE",
    KeyRule.DATA,
    "Submissions that wait could not be opened.",
)
PRIVATE = KeyKind(
    "registration",
    "TROIKA_REGISTRATION_KEY_FILE",
    KeyRule.CURRENT,
    "Decisions on proposals could not be opened, and would be parked.",
)
RATES: Mapping[str, tuple[str, str]] = {
    "intake": ("TROIKA_LIMIT_INTAKE", "120 per minute; 600 per hour"),
    "challenge": ("TROIKA_LIMIT_INTAKE", "120 per minute; 600 per hour"),
    "link": ("TROIKA_LIMIT_LINK", "120 per minute"),
}
"""Setting and default rate of each kind of request that is limited: submissions; challenges for them, so that no client
collects challenges while they are cheap; pages behind links in mails, and receipts."""

FORM_KEYS, KEYS_DATABASE = "TROIKA_FORM_KEYS", "TROIKA_KEYS_DATABASE_URL"
KEY_KINDS = (SIGNING, PERSON, MASTER, INTAKE, DECIDER, PRIVATE, NOTIFICATIONS_PUBLIC, EVENTS_PUBLIC)


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """Settings of one kind of process; the rest is empty.

    Attributes:
        common: what every service has.
        intake_keys: for receipts, codes and challenges, newest first; they decrypt nothing.
        decider_keys: private keys to which submissions are sealed, newest first.
        person_keys: derive the reference of an address; newest first.
        master_keys: wrap the keys of forms, newest first.
        form_keys_folder: of the wrapped keys, outside the database; an empty path where they are in the keys database.
        keys_database_url: of the keys database, for this process's login; empty where they are in the folder.
        private_keys: open what is sealed to this service, newest first.
        notifications_key: the notifications service's public key.
        events_key: the same of the events service.
        organiser: shown on forms.
        sealed_one_reader: opening a whole list of sealed answers, or destroying a key, needs no approval.
        sealed_list_hours: how long a list of sealed answers can be opened again.
        console_url: address of the console, where links of invitations lead and for which passkeys are made.
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
    sealed_list_hours: int = 24
    console_url: str = ""

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
    "lists": frozenset({DESK, WEB}),
    "console": frozenset({DESK, WEB}),
}
"""Kinds of process by what they need."""

_LIMITED = frozenset({DESK, FORMS, OWN, WEB})


def read_settings(process: str = WEB) -> RegistrationSettings:
    """What a kind of process needs of the settings in the environment; the rest is left empty.

    Raises:
        SettingsError: lists everything that is missing or wrong.
    """
    reader = Reader(process=process)

    def file_of(what: str, kind: KeyKind) -> tuple[bytes, ...]:
        return reader.take(kind.variable, key_file) if process in _NEEDS[what] else ()

    def public_key(kind: KeyKind) -> bytes:
        return reader.take(kind.variable, _public_key) if process in _NEEDS["mailed"] else b""

    settings = RegistrationSettings(
        _with_rates(reader, read_common(reader, "registration", process, serving=(DESK, WEB), public=(FORMS, OWN))),
        intake_keys=file_of("intake", INTAKE),
        decider_keys=file_of("decider", DECIDER),
        person_keys=file_of("person", PERSON),
        master_keys=file_of("master", MASTER),
        private_keys=file_of("private", PRIVATE),
        notifications_key=public_key(NOTIFICATIONS_PUBLIC),
        events_key=public_key(EVENTS_PUBLIC),
        organiser=reader.text("TROIKA_ORGANISER", "The organisers") if process in _NEEDS["organiser"] else "",
        sealed_one_reader=reader.take("TROIKA_SEALED_ONE_READER", _yes_or_no, False)
        if process in _NEEDS["master"]
        else False,
        sealed_list_hours=reader.integer("TROIKA_SEALED_LIST_HOURS", 24, 1, 24 * 14)
        if process in _NEEDS["lists"]
        else 24,
    )
    if process in (*_NEEDS["master"], MIGRATE):
        settings = _with_key_store(reader, settings, required=process in _NEEDS["master"])
    if process in _NEEDS["console"]:
        settings = replace(settings, console_url=_read_console_url(reader, settings.common.public_url))
    reader.finish()
    return replace(settings, common=with_embedded(reader, settings.common, RIGHTS))


def _with_rates(reader: Reader, common: CommonSettings) -> CommonSettings:
    if common.process not in _LIMITED:
        return common
    given = {name: reader.take(name, read_rate, usual) for name, usual in dict(RATES.values()).items()}
    rates = {kind: given[name] for kind, (name, _) in RATES.items()}
    return replace(common, limits=replace(common.limits, rates=rates))


def _with_key_store(reader: Reader, settings: RegistrationSettings, *, required: bool) -> RegistrationSettings:
    """Return the folder of form keys or the keys database; exactly one of them must be set."""
    url = read_database(reader, KEYS_DATABASE)
    if url and reader.text(FORM_KEYS, ""):
        reader.problems.append(f"{KEYS_DATABASE}: is set, and {FORM_KEYS} too: keys are in one of them (keys copy)")
    elif url and settings.common.database_url and is_same_database(url, settings.common.database_url):
        reader.problems.append(f"{KEYS_DATABASE}: is registration's own: a backup of one must not hold the other")
    folder = reader.folder(FORM_KEYS) if required and not url else Path()
    return replace(settings, form_keys_folder=folder, keys_database_url=url)


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("yes or no is required")
    return text == "yes"


def _read_console_url(reader: Reader, public_url: str) -> str:
    url = reader.url("TROIKA_CONSOLE_URL", ("http", "https"), public_url)
    reader.secure("TROIKA_CONSOLE_URL", PUBLIC_URL, plain_urls([url]))
    return url.rstrip("/")


def _public_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return key
