"""Generates the reference page of the checks from the closed list."""

from deploy.operations.doctor.broker import MANAGEMENT_URL, METRICS_URLS
from deploy.operations.doctor.registry import CHECKS, SETTINGS, Need

_INTRODUCTION = """\
<!-- Written by `make specs` from the code. Do not edit. -->

# Checks of `troika doctor`

`troika doctor` prints one line for each result: its grade, the check, what was found, and what to do. It changes
nothing and prints no secret and nothing about a person. Exit code 0: all is well; 1: warnings; 2: faults. `--json`
prints a document; `--only SUBJECT` or `--only CHECK` selects checks.
[How to use it](../how-to/operate.md#check-a-host).

A check is *not asked* if its settings are not on this host, or if the server does not answer. A database, broker,
public address or mail relay that does not answer is one fault, of the first check that needs it.

| check | what it requires | needs |
|---|---|---|
"""

_NEEDS = {
    Need.NOTHING: "",
    Need.DATABASES: "settings of the databases",
    Need.BROKER: "settings of the broker",
    Need.BROKER_MEMBERS: f"`{MANAGEMENT_URL}` or `{METRICS_URLS}`",
    Need.KEYS: "files of keys",
    **{need: f"`{setting}`" for need, setting in SETTINGS.items()},
}


def doctor_page() -> str:
    """Every check, in the order in which it is made."""
    rows = (f"| `{check.name}` | {check.meaning} | {_NEEDS[check.need]} |\n" for check in CHECKS)
    return _INTRODUCTION + "".join(rows)
