"""A service's process at another time: ``python -m tests.support.shifted_clock <service> <role> [arguments]``.

The clock is ahead by the content of the file named by ``TROIKA_TEST_CLOCK``: seconds to add to the machine's time, read
again at each call. The database's clock moves with it, and the time in between has passed in the ordinary way; unless
``TROIKA_TEST_CLOCK_ALONE`` is set: then this process's clock is wrong, or ``TROIKA_TEST_CLOCK_JUMPS``: then the whole
host's is. No setting of the services can do this: only the tests' launcher. Importing this module installs its
clock: no test does.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from shared.db import highest_time, readiness
from shared.runtime import clock
from tests.support.clock import ALONE, ANY_STEP, JUMPS, OFFSET_FILE


def moved_clock() -> datetime:
    """The machine's time and the offset."""
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ[OFFSET_FILE]).read_text()))


def application() -> Any:
    """For gunicorn: the application of the service named by ``TROIKA_TEST_SERVICE``."""
    made: Callable[[], Any] = import_module(f"services.{os.environ['TROIKA_TEST_SERVICE']}.web").application
    return made()


def moved_database_time(connection: Connection) -> datetime:
    """The database's time, moved as well."""
    return database_time(connection) + (moved_clock() - datetime.now(UTC))


database_time = readiness.read_database_time
clock.system_clock = moved_clock
if ALONE not in os.environ:
    readiness.read_database_time = moved_database_time
if ALONE not in os.environ and JUMPS not in os.environ:
    highest_time.MAX_STEP = ANY_STEP

if __name__ == "__main__":
    service, role = sys.argv[1], sys.argv[2]
    os.environ["TROIKA_TEST_SERVICE"] = service
    if role == "web":
        settings = ["-c", "deploy/gunicorn.conf.py", "tests.support.shifted_clock:application()"]
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *settings])
    process = import_module(f"services.{service}.__main__")
    sys.argv = [f"services.{service}", *sys.argv[2:]]
    process.main(process.command_line())
