"""Why a process is not ready to work: asked by probes, and shown to whoever looks."""

from collections.abc import Callable, Sequence
from pathlib import Path

from shared.core.errors import Unavailable
from shared.store.checked_clock import CheckedClock
from shared.store.schema_state import database_problem, newest_revision
from shared.store.unit_of_work import UnitOfWork

Check = Callable[[], str]
"""Returns why the process is not ready; empty if it is. May raise ``Unavailable``."""

AWAY = "database: it does not answer"


def readiness(work: UnitOfWork, migrations: Path, clock: CheckedClock, *checks: Check) -> Callable[[], Sequence[str]]:
    """What a probe calls: it returns every reason why the process is not ready, none if it is.

    Args:
        work: on the service's database.
        migrations: folder of the service's schema changes.
        clock: of the process.
        checks: further ones, made while the database answers.
    """
    newest = newest_revision(migrations)

    def problems() -> Sequence[str]:
        try:
            if problem := database_problem(work, newest):
                return [problem]
            return [problem for check in (clock.problem, *checks) if (problem := check())]
        except Unavailable:
            return [AWAY]

    return problems
