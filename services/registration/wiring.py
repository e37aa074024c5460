"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from pathlib import Path

from services.registration.messaging import effects
from services.registration.rights import CONSUME, DESK, FORMS, OWN, RIGHTS
from services.registration.settings import KEY_KINDS, read_settings
from shared.process.service import Service
from shared.store.key_checks import KeyChecks

NAME = "registration"
MIGRATIONS = Path(__file__).parent / "migrations"


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
    )
