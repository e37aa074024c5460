"""What came of the piece of work that the proposal form may ask a browser for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """Attributes:
    challenge: id of the challenge that was solved, 16 bytes; None if no proof was sent, or one that solves nothing.
    refusal: why what was sent solves nothing; empty otherwise.
    """

    challenge: bytes | None = None
    refusal: str = ""
