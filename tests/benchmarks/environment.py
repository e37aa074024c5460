"""The circumstances in which figures were taken: without them a figure means nothing."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

from deploy.servers import rabbitmq
from shared.db.embedded_server import binaries
from tests.benchmarks.servers import Entry, Servers

LIBRARIES = ("gunicorn", "gevent", "flask", "sqlalchemy", "psycopg", "kombu", "pika", "uvicorn", "starlette", "asyncpg")


def environment(servers: Servers) -> Entry:
    """Date, cores, load and versions; what a run has not started is not asked for its version."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "postgres": _postgres(servers),
        "rabbitmq": _rabbitmq(),
        **{name: version(name) for name in LIBRARIES},
    }


def _postgres(servers: Servers) -> str:
    program = binaries(servers.run.path, None) / "postgres"
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.split()[-1]


def _rabbitmq() -> str:
    """The release in the name of its folder: ``rabbitmq_server-4.0.5``."""
    program = (rabbitmq.scripts_folder() / "rabbitmq-server").resolve()
    return program.parents[1].name.rpartition("-")[2]
