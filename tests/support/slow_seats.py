"""Negative control: the registration service with a pause between looking at the seats and taking them.

``python -m tests.support.slow_seats locked|unlocked`` stands where ``python -m services.registration web`` stands;
``unlocked`` takes out the lock on the seats too. No setting of the service can do this: only the tests' launcher.
"""

import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime

from flask import Flask
from services.registration.domain.intake import Facts, Submission
from sqlalchemy import Connection, text

from services.registration.store import forms, intake, intake_statements
from services.registration.store.forms import StoredForm
from services.registration.usecases import locking, register
from services.registration.wsgi import application as whole_application

BATCH_PAUSE_S = 0.06
"""Much longer than a batch takes, so that batches of several processes meet for certain."""

CLICK_PAUSE_S = 0.02
"""Shorter, since each click holds the lock by itself and dozens wait for it in a row."""

_read_facts = intake.read_facts
_find_form = forms.find_form


def locked() -> Flask:
    """The application with the pause."""
    vars(register)["read_facts"] = _read_slowly
    vars(locking)["find_form"] = _find_slowly
    return whole_application()


def unlocked() -> Flask:
    """The application with the pause and without ``FOR UPDATE``."""
    vars(intake)["LOCK_SEATS"] = intake_statements.LOCK_SEATS.replace("FOR UPDATE", "")
    vars(forms)["_LOCK"] = text("SELECT 1 FROM seat WHERE form = :slug")
    return locked()


def _read_slowly(connection: Connection, batch: Sequence[Submission], now: datetime) -> Facts:
    facts = _read_facts(connection, batch, now)
    time.sleep(BATCH_PAUSE_S)
    return facts


def _find_slowly(connection: Connection, slug: str, now: datetime) -> StoredForm | None:
    form = _find_form(connection, slug, now)
    time.sleep(CLICK_PAUSE_S)
    return form


if __name__ == "__main__":
    application = f"tests.support.slow_seats:{sys.argv[1]}()"
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", application]
    os.execv(sys.executable, command)
