"""A service's process in another time: ``python -m tests.support.moved <service> <role> [arguments]``.

The clock goes on from what the file named by ``TROIKA_TEST_CLOCK`` says: seconds to add to the machine's time, read
again at each look. No setting of the services can do this: only the tests' launcher. Whoever imports this module has
its clock: no test does.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.core import clock
from tests.support.clock import OFFSET_FILE


def moved_clock() -> datetime:
    """The machine's time and the offset."""
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ[OFFSET_FILE]).read_text()))


def application() -> Any:
    """For gunicorn: the application of the service named by ``TROIKA_TEST_SERVICE``."""
    made: Callable[[], Any] = import_module(f"services.{os.environ['TROIKA_TEST_SERVICE']}.wsgi").application
    return made()


clock.system_clock = moved_clock

if __name__ == "__main__":
    service, role = sys.argv[1], sys.argv[2]
    os.environ["TROIKA_TEST_SERVICE"] = service
    if role == "web":
        settings = ["-c", "deploy/gunicorn.conf.py", "tests.support.moved:application()"]
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *settings])
    process = import_module(f"services.{service}.__main__")
    sys.argv = [f"services.{service}", *sys.argv[2:]]
    process.main(process.command_line())
