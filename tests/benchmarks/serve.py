"""``python -m tests.benchmarks.serve threads | gevent | starlette | plain_pages``: a reference with its server.

Address and number of processes are those of ``deploy/gunicorn.conf.py``.
"""

import os
import sys
from collections.abc import Sequence

GUNICORN = ("gunicorn", "-c", "deploy/gunicorn.conf.py")


def uvicorn() -> Sequence[str]:
    """uvicorn with its loop and its parser in C."""
    host, _, port = os.environ["TROIKA_BIND"].rpartition(":")
    place = ("--host", host, "--port", port, "--workers", os.environ["TROIKA_WEB_WORKERS"])
    quick = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
    return ("uvicorn", *place, *quick, "--factory", "tests.benchmarks.floor_starlette:application")


def command(name: str) -> Sequence[str]:
    """Module and arguments that serve the reference called ``name``."""
    match name:
        case "threads":
            floor = "tests.benchmarks.floor_flask:plain()"
            return (*GUNICORN, "--worker-class", "gthread", "--threads", "64", floor)
        case "gevent":
            return (*GUNICORN, "--worker-class", "gevent", "tests.benchmarks.floor_flask:quick()")
        case "starlette":
            return uvicorn()
        case "plain_pages":
            return (*GUNICORN, "tests.benchmarks.plain_pages:application()")
        case _:
            raise SystemExit(f"there is no reference called {name}")


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, "-m", *command(sys.argv[1])])
