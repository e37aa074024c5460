"""Whether a mail that has not gone yet would still say something true. One that would not is called off.

Messages come in any order and more than once, so this compares what a mail says with the newest state that is known
of its registration, never with what arrived last.
"""

from dataclasses import dataclass

from services.notifications.domain.kinds import DECISION_KINDS, KINDS

SUPERSEDED = "superseded by a newer state of what it is about"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a subject: its newest ``revision`` and the ``status`` it had then.

    ``erased``: nobody is on it any more. Nothing replaces that, and no mail is due. ``person_ref``: whose it is; None
    if that is not asked, or if it was erased. ``event``: that it is for, or that a proposal became. ``decision``: the
    revision of the newest decision on a proposal, 0 before the first.
    """

    revision: int
    status: str
    erased: bool = False
    person_ref: str | None = None
    event: str | None = None
    decision: int = 0


def is_current(known: Standing | None, revision: int) -> bool:
    """Whether a message about ``revision`` says at least what is known; None: the subject was not heard of."""
    return known is None or revision >= known.revision


def is_untrue(kind: str, revision: int, known: Standing) -> bool:
    """Whether a mail says what is no longer so.

    Args:
        kind: of the mail.
        revision: of the mail: its subject's that it is about, the decision's, or a number of its own, which has nothing
            to do with the subject's revision.
        known: of its subject, with the mail's own message taken in.
    """
    if kind in DECISION_KINDS and revision < known.decision:
        return True
    if not KINDS[kind].numbered_apart and revision >= known.revision:
        return False
    return kind in untrue_kinds(known)


def untrue_kinds(known: Standing) -> list[str]:
    """The kinds of older mails that a subject's standing makes untrue, sorted."""
    return sorted(name for name, kind in KINDS.items() if known.status not in kind.true_while)
