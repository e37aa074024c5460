"""The audit's equations over the model's databases: those of one database after every step, all of them at rest."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from deploy.operations.audit.checks import Alone, Side
from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.facts import CONSUMING_QUEUES
from deploy.operations.audit.reading import HISTORY, KEPT, REMEMBERED, Given, Row, Sources
from deploy.operations.audit.reconcile import reconcile
from tests.integration.model.databases import ModelDatabases
from tests.support.clock import WEBINAR_WEEK

LONG_AGO = WEBINAR_WEEK - timedelta(days=365)
"""While messages travel, nothing has to have arrived."""


class KeptSources(Sources):
    """The same rows over connections that stay open: statements are prepared once for thousands of histories."""

    def rows(self, database: str, statement: str) -> Iterator[tuple[Any, ...]]:
        """See :class:`deploy.operations.audit.reading.Sources`."""
        yield from self.databases[database].execute(statement, self.values)

    def ordered(self, side: Side) -> Iterator[Row]:
        """See :class:`deploy.operations.audit.reading.Sources`."""
        rows = self.given[side.source] if side.source in self.given else self.rows(side.source, side.sql)
        yield from sorted(rows, key=itemgetter(0))


class Auditor:
    """Attributes:
    descriptions: what each question of :meth:`verify` checks, by its code.
    every: after how many steps it is called.
    """

    def __init__(self, databases: ModelDatabases, every: int) -> None:
        self._databases, self.every = databases, every
        self._questions: dict[str, list[str]] = {}
        self.descriptions: dict[str, str] = {}
        for equation in EQUATIONS:
            for number, check in enumerate(equation.checks, start=1):
                if isinstance(check, Alone) and check.database != "keys":  # the model opens no sealed answers
                    self._ask(f"{equation.code}.{number}", check)

    def verify(self) -> None:
        """Each equation that needs one database alone holds now, with messages in transit; a round trip a database."""
        values = _values(self._databases.clock(), LONG_AGO)
        found = [
            f"{code} {self.descriptions[code]}: {subject}; expected {expected}, found {found}"
            for database, questions in self._questions.items()
            for (rows,) in [self._databases.at_once(database, (" UNION ALL ".join(questions), values))]
            for code, subject, expected, found in rows
        ]
        assert found == [], "\n".join(found)

    def at_rest(self, accepted: list[str], copies: Mapping[str, int]) -> None:
        """All equations hold, and nothing is on its way.

        Args:
            accepted: ids of all registrations that were answered for.
            copies: how often each Message-ID has arrived.
        """
        given, now = Given(accepted=accepted, copies=copies, parked=()).sources(), self._databases.clock()
        found = [
            str(finding)
            for finding in reconcile(KeptSources(self._databases.admin_connections, given, _values(now, now)))
        ]
        assert found == [], "\n".join(found)

    def _ask(self, code: str, check: Alone) -> None:
        self.descriptions[code] = check.what
        question = f"SELECT '{code}', s.* FROM ({check.sql}) AS s (subject, expected, found)"
        self._questions.setdefault(check.database, []).append(question)


def _values(now: datetime, settled_before: datetime) -> dict[str, Any]:
    """What the statements see beside the tables, as :func:`deploy.operations.audit.reading.open_sources` has it."""
    types, queues = zip(*CONSUMING_QUEUES, strict=True)
    settled = dict.fromkeys(("settled_before", "late_before", "arrived_before"), settled_before)
    never = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    named: dict[str, Any] = {"forgetful": [], "moving": [], "types": list(types), "queues": list(queues)}
    return {
        **settled,
        **named,
        "head_number": 0,
        "head_hash": b"",
        "now": now,
        "kept_since": now - KEPT,
        "remembered_since": now - REMEMBERED,
        "history_since": now - HISTORY,
        "ids_since": never,
    }
