"""The exception tree. Anything else that is raised is a bug.

Exception
├── DomainError      a rule refused it: it has a code that programs may rely on
├── SettingsError    the process must not start: lists everything that is wrong
├── Unavailable      something that the request needs is down or too busy: try again later
│   ├── Overloaded   all works, but too many requests came at once
│   └── Quarantined  the database was restored and is not compared yet
└── MessageFailure   what a message handler may raise
    ├── Retry        not now: deliver again after a while
    └── Poison       never: park it with this reason
        └── Unauthentic  the sender is not the one it claims to be: park it, and do not count it as a bad deployment
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DomainError(Exception):
    """A rule refused. ``code`` is stable (``form-closed``); ``detail`` is a sentence without personal data."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class SettingsError(Exception):
    """Environment, key file or sample is unusable. ``problems`` names every fault found, one line each.

    The text of the error has these lines, and names ``documented``: the document about the settings, empty if there is
    none.
    """

    def __init__(self, problems: list[str], documented: str = "") -> None:
        advice = [f"The settings are described in {documented}"] if documented else []
        super().__init__("\n".join([*problems, *advice]))
        self.problems = problems


class Unavailable(Exception):
    """The work was not done and may be tried again after ``retry_after_s`` seconds. Never follows a commit."""

    def __init__(self, reason: str, retry_after_s: float = 2.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """Too many came at once; nothing of this one was done."""


class Quarantined(Unavailable):
    """The service's database is in quarantine (:mod:`shared.db.quarantine`); the work was not done."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"quarantine {reason}", 60.0)


class MessageFailure(Exception):
    """Base of the two answers a message handler has besides returning."""


class Retry(MessageFailure):
    """Deliver the message again later; ``after_s`` is a hint, the tiers of the broker decide.

    ``reason`` is a constant without personal data: a header and a log contain it.
    """

    def __init__(self, reason: str, after_s: float = 10.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s


class Poison(MessageFailure):
    """The message can never be handled: park it. ``reason`` is shown to operators and holds no personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unauthentic(Poison):
    """The sender is wrong or missing. This is no sign of a bad deployment, so it never halts a queue."""


MAX_NAME_CHARACTERS = 40
"""The longest name for which the nearest known one is searched: each search compares with all known ones."""


def unknown_parameter_advice(name: str, known: Iterable[str]) -> str:
    """A sentence that names the known parameter nearest to ``name``, or else all of them."""
    known = sorted(known)
    if len(name) <= MAX_NAME_CHARACTERS and (near := get_close_matches(name.lower(), known, n=1)):
        return f"Unknown parameter; did you mean `{near[0]}`?"
    if not known:
        return "Unknown parameter; this operation takes none"
    return f"Unknown parameter; known are {', '.join(f'`{name}`' for name in known)}"
