"""Opens the store of private form keys that the settings name, for the processes that unwrap them.

No worker unwraps them, and this module imports SQLAlchemy and the ciphers: only the desk and the commands import it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Engine

from services.registration.sealing.key_database import KeyDatabase
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_service import StoreReadiness, key_problem
from services.registration.sealing.key_store import FormKeys
from services.registration.settings import RegistrationSettings
from services.registration.wiring import KEYS, KEYS_MIGRATIONS, NAME
from shared.db.engine import open_engine
from shared.db.readiness import Check, newest_revision
from shared.db.unit_of_work import UnitOfWork

CONNECTIONS = 2
"""Of a process, to the keys database: one short statement for each reading of sealed answers."""


def keys_engine(settings: RegistrationSettings) -> Engine | None:
    """Return connections to the keys database, none of them open yet; None where the keys are in a folder."""
    if not settings.keys_database_url:
        return None
    application = f"troika-{NAME}-{KEYS}"
    return open_engine(settings.keys_database_url, pool_size=CONNECTIONS, application=application)


def form_keys(settings: RegistrationSettings, engine: Engine | None) -> FormKeys:
    """Return the form keys of the store that ``settings`` name; ``engine`` is what :func:`keys_engine` returned."""
    if engine is None:
        assert not settings.keys_database_url, "no connections to the keys database that the settings name"
        return FormKeys(KeyFolder(settings.form_keys_folder, settings.master_keys))
    newest = newest_revision(KEYS_MIGRATIONS)
    return FormKeys(KeyDatabase(UnitOfWork(engine, KEYS), settings.master_keys, newest))


@contextmanager
def opened_form_keys(settings: RegistrationSettings) -> Iterator[FormKeys]:
    """The same for a command: the connections are closed when it ends."""
    engine = keys_engine(settings)
    try:
        yield form_keys(settings, engine)
    finally:
        if engine is not None:
            engine.dispose()


def key_check(work: UnitOfWork, keys: FormKeys) -> Check:
    """Return the readiness check of a process: whether its store matches registration's database."""
    return partial(key_problem, work, keys, NAME, StoreReadiness())
