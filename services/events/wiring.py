"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from pathlib import Path

from services.events.messaging import effects
from services.events.rights import RIGHTS
from services.events.settings import read_settings
from shared.process.service import Service

NAME = "events"
MIGRATIONS = Path(__file__).parent / "migrations"


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda process: read_settings(process=process).common,
        rights=RIGHTS,
        effects=effects,
    )
