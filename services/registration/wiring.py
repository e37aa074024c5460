"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from pathlib import Path

from services.registration.consumers import effects
from services.registration.rights import CONSUME, DESK, FORMS, KEYS_RIGHTS, OWN, RIGHTS
from services.registration.settings import KEY_KINDS, read_settings
from shared.cli.settings import MIGRATE, Service, SideDatabase
from shared.security.keys import KeyChecks

NAME, KEYS = "registration", "keys"
MIGRATIONS = Path(__file__).parent / "migrations"
KEYS_MIGRATIONS = Path(__file__).parent / "keys_migrations"


WEB_PARTS = {
    FORMS: "Serve the public forms, submissions and receipts.",
    OWN: "Serve the pages behind links in mails.",
    DESK: "Serve the console and the API with a key.",
}


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda process: read_settings(process).common,
        rights=RIGHTS,
        key_kinds=KEY_KINDS,
        keys=lambda process, work: KeyChecks(work, read_settings(process).held_keys, NAME).faults,
        effects=lambda _work: effects(read_settings(CONSUME).private_keys),
        web_parts=WEB_PARTS,
        side_databases=_side_databases,
    )


def _side_databases() -> list[SideDatabase]:
    """The keys database, in an installation that has one."""
    url = read_settings(MIGRATE).keys_database_url
    return [SideDatabase(KEYS, url, KEYS_MIGRATIONS, KEYS_RIGHTS)] if url else []
