"""What a scripted sink does at each verb: rules in a file that a test replaces while the sink runs."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERBS = ("EHLO", "MAIL", "RCPT", "DATA", "DOT", "QUIT")
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens at a verb.

    Attributes:
        verb: at which.
        recipient: only for mails to this address; empty for all. EHLO and MAIL have none yet.
        reply: in place of the usual one; empty for the usual.
        stall_s: waits before it answers, seconds.
        cut: ``before`` or ``after`` the answer, or empty.
        times: how many answers it rules; 0 is all.
    """

    verb: str
    recipient: str = ""
    reply: str = ""
    stall_s: float = 0.0
    cut: str = ""
    times: int = 0

    def __post_init__(self) -> None:
        if self.verb not in VERBS or self.cut not in ("", BEFORE, AFTER):
            raise ValueError(f"no such verb or cut: {self}")


class Script:
    """The rules in a file, and how often each has ruled. A missing file is a script without rules."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""
        self._rules: list[Rule] = []
        self._ruled: Counter[int] = Counter()

    def rule_for(self, verb: str, recipients: list[str]) -> Rule | None:
        """The rule for this answer, counted; None for the usual answer."""
        self._read()
        for index, rule in enumerate(self._rules):
            fits = rule.verb == verb and (not rule.recipient or rule.recipient in recipients)
            if fits and (not rule.times or self._ruled[index] < rule.times):
                self._ruled[index] += 1
                return rule
        return None

    def _read(self) -> None:
        text = self._path.read_text() if self._path.exists() else "[]"
        if text != self._text:
            self._rules, self._text, self._ruled = [Rule(**words) for words in json.loads(text)], text, Counter()


def write_script(path: Path, *rules: dict[str, Any]) -> None:
    """Replace the script at once; no rules let everything pass."""
    for rule in rules:
        Rule(**rule)  # a fault of the script is the test's, now
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(rules))
    fresh.rename(path)
