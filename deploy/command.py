"""``troika <program> …``: every program of an installation by one name, as images and units call it."""

import runpy
import sys

PROGRAMS = {
    "registration": "services.registration",
    "events": "services.events",
    "notifications": "services.notifications",
    "access": "deploy.operations.access",
    "audit": "deploy.operations.audit",
    "backup": "deploy.operations.backup",
    "canary": "deploy.operations.canary",
    "drill": "deploy.operations.backup.drill",
    "install": "deploy.machine.install",
    "doctor": "deploy.operations.doctor",
    "mail": "deploy.operations.mail",
    "recover": "deploy.operations.recover",
    "prepare": "deploy.compose.prepare",
    "restore": "deploy.operations.backup.restore",
    "secrets": "deploy.chart.secrets",
    "sink": "deploy.local.sink",
}
"""Module of each program."""


def main() -> None:
    """Run the program that the first word names, with the other words; exit code 2 for a word that names none."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("-h", "--help"):
        print(f"Usage: troika PROGRAM …; troika PROGRAM --help says more. Programs: {', '.join(PROGRAMS)}")
        return
    if name not in PROGRAMS:
        unknown = f"There is no program {name!r}." if name else "Which program?"
        print(f"troika: {unknown} One of: {', '.join(PROGRAMS)}", file=sys.stderr)
        raise SystemExit(2)
    sys.modules["__main__"].__package__ = None  # so that click calls the program what was typed
    sys.argv = [f"troika {name}", *sys.argv[2:]]
    runpy.run_module(PROGRAMS[name], run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
