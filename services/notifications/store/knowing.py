"""Whether somebody need not be told of an event's change: their confirmation tells them, and nothing told otherwise.

Whoever registers or confirms their address just before or after a change gets a confirmation written from the newest
state. News beside it would only say again what they read for the first time a minute ago.
"""

# ruff: noqa: S608 - names of our own kinds and columns

from services.notifications.domain.kinds import NEWS_KINDS, TELLING_KINDS

_GONE = "('claimed', 'sent', 'unknown', 'bounced')"
"""States of a mail that has been written: a person may have it."""


def _any(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


KNOWS = f"""(
    SELECT coalesce(bool_or(t.kind IN ({_any(TELLING_KINDS)}) AND (t.state IN ('queued', 'deferred')
            OR (t.state IN {_GONE} AND t.event_revision >= {{shown}}))), false)
        AND NOT coalesce(bool_or(t.state IN {_GONE} AND coalesce(t.event_revision, 0) < {{shown}}), false)
    FROM mail t WHERE t.recipient = {{person}} AND t.event = {{event}}
        AND t.kind IN ({_any((*TELLING_KINDS, *NEWS_KINDS))}))"""
"""A condition on ``person``, ``event`` and ``shown``, the revision of the last change that people see.

An aggregate, so that the planner looks up one person's mails by their index: EXISTS it may answer from a table of all
mails, which it then makes again for each chunk of people.
"""
