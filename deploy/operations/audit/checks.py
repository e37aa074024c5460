"""The parts of an equation: statements, and how their rows are read.

A statement sees these values beside the tables: ``now``; ``settled_before`` and ``late_before``, before which something
must have arrived; ``kept_since``, since when outboxes are complete, and ``ids_since``, the same as an identifier;
``remembered_since``, since when mails and tombstones are complete; ``history_since``, since when readings and
histories of erased people are; ``forgetful``, forms that forget registrations; ``moving``, events with a message on its
way; ``types`` and ``queues``, which queue receives which type.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alone:
    """A statement in one database whose rows are differences: (ids it is about, expected, found).

    Attributes:
        database: the name of the database.
        what: the rule in words.
        sql: the statement.
    """

    database: str
    what: str
    sql: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Sources without which it cannot be asked."""
        return (self.database,)


@dataclass(frozen=True, slots=True)
class Side:
    """Rows of one source: (key, value, required).

    ``required`` is three-valued. True: the other side must have the key. Null: it must, but may still be on its way: a
    difference is not decidable yet. False: it need not. Values are compared where both sides have key and value.

    Attributes:
        source: a database, or what a test or an operator has given: ``journal``, ``copies``, ``parked``.
        sql: the statement; empty for what is given. It is put in the order of the keys.
        optional: whether the check goes without it where there is no such source.
    """

    source: str
    sql: str = ""
    optional: bool = False


def same(left: str, right: str) -> bool:
    """Whether two values are equal."""
    return left == right


def any_values(left: str, right: str) -> bool:
    """For sides whose values mean different things, so that only the keys have to agree."""
    del left, right
    return True


def messages_under_way(key: str, value: str | None) -> str:
    """What a young difference between two services waits for."""
    del key, value
    return "messages on their way between services"


@dataclass(frozen=True, slots=True)
class Paired:
    """Two sides, each of one or more sources, that must agree key by key. They are read in order, never held.

    Attributes:
        what: the rule in words.
        left: the side that ``right`` is expected to follow.
        right: the side that follows.
        agrees: compares the values of a key that both sides have.
        waiting: values on the right that mean that the key has not arrived yet.
        waits_for: what a key that is not decidable yet waits for, in words, the same for many keys; called with the key
            and its value on the right, if it is there.
    """

    what: str
    left: tuple[Side, ...]
    right: tuple[Side, ...]
    agrees: Callable[[str, str], bool] = same
    waiting: frozenset[str] = frozenset()
    waits_for: Callable[[str, str | None], str] = messages_under_way

    @property
    def needs(self) -> tuple[str, ...]:
        """Sources without which it cannot be asked."""
        return tuple(side.source for side in (*self.left, *self.right) if not side.optional)


@dataclass(frozen=True, slots=True)
class Equation:
    """Attributes:
    code: ``A1`` and so on.
    title: what it states, for a table.
    checks: all of them must find nothing.
    """

    code: str
    title: str
    checks: tuple[Alone | Paired, ...]
