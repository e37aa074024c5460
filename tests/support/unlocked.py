"""Negative control: the registration service with the lock on the seats taken out, served by gunicorn.

``python -m tests.support.unlocked`` stands where ``python -m services.registration web`` stands. No setting of the
service can do this: only the tests' launcher.
"""

import os
import sys

from flask import Flask

from services.registration.store import intake
from services.registration.wsgi import application as whole_application


def application() -> Flask:
    """The application without ``FOR UPDATE``."""
    intake.LOCK_SEATS = intake.LOCK_SEATS.replace("FOR UPDATE", "")
    return whole_application()


if __name__ == "__main__":
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "deploy/gunicorn.conf.py",
        "tests.support.unlocked:application()",
    ]
    os.execv(sys.executable, command)
