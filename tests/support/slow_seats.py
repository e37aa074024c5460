"""Negative control: the registration service with a pause between looking at the seats and taking them.

``python -m tests.support.slow_seats locked|unlocked`` stands where ``python -m services.registration web`` stands;
``unlocked`` takes out the lock on the seats too. No setting of the service can do this: only the tests' launcher.
"""

import os
import sys
import time
from collections.abc import Sequence

from flask import Flask
from sqlalchemy import Connection

from services.registration.domain.intake import Facts, Submission
from services.registration.store import intake
from services.registration.usecases import register
from services.registration.wsgi import application as whole_application

PAUSE_S = 0.02
"""Longer than a batch takes, so that batches of several processes meet for certain."""

_read_facts = intake.read_facts


def locked() -> Flask:
    """The application with the pause."""
    vars(register)["read_facts"] = _read_slowly
    return whole_application()


def unlocked() -> Flask:
    """The application with the pause and without ``FOR UPDATE``."""
    intake.LOCK_SEATS = intake.LOCK_SEATS.replace("FOR UPDATE", "")
    return locked()


def _read_slowly(connection: Connection, batch: Sequence[Submission]) -> Facts:
    facts = _read_facts(connection, batch)
    time.sleep(PAUSE_S)
    return facts


if __name__ == "__main__":
    application = f"tests.support.slow_seats:{sys.argv[1]}()"
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", application]
    os.execv(sys.executable, command)
