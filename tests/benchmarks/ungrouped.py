"""The second reference: the very same statements, one transaction a request, without the write group."""

from collections.abc import Callable

from flask import Flask

from services.registration import web
from services.registration.domain.intake import Answered, Submission
from services.registration.settings import read_settings
from services.registration.usecases.register import register_batch
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


def one_by_one(work: UnitOfWork, clock: Clock) -> Callable[[Submission], Answered]:
    """What stands in place of ``make_register``."""

    def register(submission: Submission) -> Answered:
        outcome = register_batch(work, clock, [submission])[0]
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    return register
