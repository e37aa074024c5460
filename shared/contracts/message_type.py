"""What one row of the table of message types says."""

from dataclasses import dataclass

from marshmallow import Schema

from shared.contracts.envelope import TYPE_PREFIX


@dataclass(frozen=True, slots=True)
class MessageType:
    """One row of the table.

    Attributes:
        key: ``<noun>.<past-tense verb>.v<n>``; the routing key.
        producer: the only service that may say it.
        consumers: names of the queues that get a copy.
        schema: what ``data`` must hold.
        sealed_to: fields that only one service can read, each with that service; all others travel in clear.
        meaning: one sentence for the generated documents.
    """

    key: str
    producer: str
    consumers: tuple[str, ...]
    schema: type[Schema]
    meaning: str
    sealed_to: tuple[tuple[str, str], ...] = ()

    @property
    def sealed(self) -> tuple[str, ...]:
        """Names of the fields that nobody at the broker can read."""
        return tuple(name for name, _ in self.sealed_to)

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return TYPE_PREFIX + self.key

    @property
    def clear(self) -> tuple[str, ...]:
        """Names of the fields that anybody at the broker could read, sorted."""
        return tuple(sorted(set(self.schema().fields) - set(self.sealed)))
