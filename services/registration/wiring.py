"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from services.registration.messaging import effects
from services.registration.rights import RIGHTS
from services.registration.settings import KEY_KINDS, read_settings
from services.registration.store.registrations import forget_keys
from services.registration.store.shadows import forget_shadows
from services.registration.usecases.give_up import give_up
from services.registration.usecases.retain import retaining
from shared.forms.used_challenges import forget_challenges
from shared.process.service import Service
from shared.store.inbox import Effect
from shared.store.key_checks import KeyChecks
from shared.store.sessions import forget_sessions
from shared.store.unit_of_work import UnitOfWork

NAME = "registration"
KEEP_KEYS = timedelta(hours=48)
"""A client that repeats after longer is answered as a new one; the promise is 24 hours."""

MOST_SHADOWS_AT_ONCE = 5000
"""A thousand a second, since it is done every five: as many as are made in a rush of nothing else."""

MIGRATIONS = Path(__file__).parent / "migrations"


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda process: read_settings(process).common,
        rights=RIGHTS,
        key_kinds=KEY_KINDS,
        keys=lambda process, work: KeyChecks(work, read_settings(process).held_keys, NAME).faults,
        effects=_effects,
        forget=_housekeeping(),
    )


def _housekeeping() -> Callable[[UnitOfWork, datetime], None]:
    kept = retaining()

    def keep_house(work: UnitOfWork, now: datetime) -> None:
        with work.transaction() as connection:
            forget_keys(connection, now - KEEP_KEYS)
            forget_challenges(connection, now)
            forget_sessions(connection, now)
        give_up(work, now)
        with work.transaction() as connection:
            forget_shadows(connection, MOST_SHADOWS_AT_ONCE)
        kept.turn(work, now)

    return keep_house


def _effects(_work: UnitOfWork) -> Mapping[str, Effect]:
    return effects()
