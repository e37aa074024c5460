"""The audit's own equations over the model's databases: those of one database after every step, all of them at rest."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from deploy.operations.audit.checks import Alone
from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.facts import HEARERS
from deploy.operations.audit.reading import Given, open_sources
from deploy.operations.audit.reconcile import reconcile
from tests.integration.model.world import World
from tests.support.clock import WEBINAR_WEEK

LONG_AGO = WEBINAR_WEEK - timedelta(days=365)
"""While messages travel, nothing has to have arrived."""


class Auditor:
    """Attributes:
    told: what each question of :meth:`look` asks, by its code.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._urls = world.urls.audit_urls()
        self._questions: dict[str, list[str]] = {}
        self.told: dict[str, str] = {}
        for equation in EQUATIONS:
            for number, check in zip(count(1), equation.checks, strict=False):
                if isinstance(check, Alone):
                    self._ask(f"{equation.code}.{number}", check)

    def look(self) -> None:
        """Each equation that needs one database alone holds now, whatever is on its way; a round trip a database."""
        values = _values(self._world.clock())
        found = [
            f"{code} {self.told[code]}: {subject}; expected {expected}, found {found}"
            for database, questions in self._questions.items()
            for (rows,) in [self._world.at_once(database, (" UNION ALL ".join(questions), values))]
            for code, subject, expected, found in rows
        ]
        assert found == [], "\n".join(found)

    def at_rest(self, accepted: list[str], copies: Mapping[str, int]) -> None:
        """All equations hold, and nothing is on its way.

        Args:
            accepted: ids of all registrations that were answered for.
            copies: how often each Message-ID has arrived.
        """
        given = Given(accepted=accepted, copies=copies)
        with open_sources(self._urls, given, grace_s=0, now=self._world.clock()) as sources:
            found = [str(finding) for finding in reconcile(sources)]
        assert found == [], "\n".join(found)

    def _ask(self, code: str, check: Alone) -> None:
        self.told[code] = check.what
        question = f"SELECT '{code}', s.* FROM ({check.sql}) AS s (subject, expected, found)"
        self._questions.setdefault(check.database, []).append(question)


def _values(now: datetime) -> dict[str, Any]:
    """What the statements see beside the tables, as :func:`deploy.operations.audit.reading.open_sources` has it."""
    types, queues = zip(*HEARERS, strict=True)
    early = dict.fromkeys(("settled_before", "late_before", "arrived_before", "kept_since"), LONG_AGO)
    never = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    named: dict[str, Any] = {"forgetful": [], "moving": [], "types": list(types), "queues": list(queues)}
    return {**early, **named, "now": now, "ids_since": never}
