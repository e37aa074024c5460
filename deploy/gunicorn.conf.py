"""gunicorn's settings, one file for all services. The differences come from the environment."""

import gc
import os
import tempfile
from pathlib import Path
from typing import Any

metrics_folder = Path(os.environ.get("TROIKA_METRICS_FOLDER") or tempfile.mkdtemp(prefix="troika-metrics-"))
metrics_folder.mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder)

# prometheus_client shares its values between processes only if the folder is named when it is imported. No import here
# may load psycopg: it chooses how to wait when it is imported, and a worker patches the standard library before that.
from deploy.rolling import Generations, SpareRoom  # noqa: E402
from shared.runtime.deployment import read_web_server  # noqa: E402
from shared.runtime.settings import SettingsEnv  # noqa: E402
from shared.security.rate_limits import share_counters  # noqa: E402

_env = SettingsEnv()
_server = read_web_server(_env)
_env.seal()
bind, workers = _server.bind, _server.workers
worker_class = "deploy.rolling.RollingWorker"
"""gunicorn's gevent worker: a request that waits costs no thread, and none competes for the interpreter
(ADR 12). Ours leaves at a restart only once its successors can answer."""

worker_connections = _server.connections
"""Open at once in one process; when all processes are full, further ones are refused (deploy/rolling.py)."""

backlog = 1024
"""Connections that may wait while every worker is busy for a short time. The kernel drops further ones, and their
clients try again only after seconds. A request that waited too long here is refused (``shared.http.admission``)."""

timeout = 30
graceful_timeout = 30
keepalive = 5
"""Seconds; longer than the gateway keeps an idle connection, so that it is never the service that closes one."""

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = str(_server.proxies)
header_map = "drop"
control_socket_disable = True
"""gunicorn 27 would open a control socket in the home directory."""

accesslog = None
"""Addresses of people are not logged; requests are counted and timed by the application."""

logger_class = "deploy.discreet.DiscreetLogger"
errorlog = "-"
loglevel = "warning"
proc_name = "troika-web"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn's own heartbeat file


def on_starting(server: Any) -> None:
    """Begin each start with an empty folder: figures of an earlier start's dead workers would stay forever.

    Rate limits count for all workers together.
    """
    for file in metrics_folder.glob("*.db"):
        file.unlink()
    server.generations, server.room = Generations(), SpareRoom()
    share_counters()
    # A worker's collector writes to every object that it looks at. Frozen ones it leaves alone, so that workers share
    # the pages that this process has filled: measured 28 MB less with two workers, 14 MB with one
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Let the older workers know that a younger one is about to start."""
    worker.generations, worker.room = server.generations, server.room
    server.generations.forked(worker.age)


def post_worker_init(worker: Any) -> None:
    """Exclude the objects of the start from garbage collection: they exist as long as the process.

    Measured: a twentieth of a rush's processor time went into scanning them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    worker.generations.settled(worker.age)


def child_exit(server: Any, worker: Any) -> None:
    """Forget a dead worker's live gauges, and stop waiting for it."""
    server.generations.settled(worker.age)
    from prometheus_client.multiprocess import mark_process_dead  # only after the folder is named

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library is half typed
