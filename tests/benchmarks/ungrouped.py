"""The second reference: the very same statements, one transaction a request, without the write group."""

from flask import Flask
from services.registration.domain.intake import Answered, Submission
from services.registration.usecases.register import Register, register_batch

from services.registration import web
from services.registration.settings import read_settings
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork


def application() -> Flask:
    """The application; who waits for one of the four connections waits as long as it takes."""
    vars(web)["make_register"] = one_by_one
    settings = read_settings()
    url = settings.common.database_url
    intake = web.open_intake_engine(url, pool_size=4, pool_timeout_s=30)
    return web.build_app(settings, open_engine(url), intake)


class OneByOne:
    """What stands in place of the write group: a transaction each, and nobody is refused."""

    def __init__(self, work: UnitOfWork, clock: Clock) -> None:
        self._work, self._clock = work, clock

    def submit(self, command: Submission) -> Answered | DomainError:
        """Store it alone."""
        return register_batch(self._work, self._clock, [command])[0]

    def crowded(self) -> bool:
        """Never."""
        return False


def one_by_one(work: UnitOfWork, clock: Clock) -> Register:
    """What stands in place of ``make_register``."""
    return Register(OneByOne(work, clock))
