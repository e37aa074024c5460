"""``python -m deploy.up.supervise FOLDER``: the supervisor in the foreground, until SIGTERM or SIGINT."""

import logging
import os
import signal
import sys
from pathlib import Path

from deploy.servers.supervisor import NotStarted, Supervisor
from deploy.up.installation import InstallationNotPrepared, prepare
from shared.runtime.errors import SettingsError

READY = "ready"
log = logging.getLogger(__name__)


def supervise(folder: Path) -> int:
    """Run the installation in ``folder``; returns an exit code."""
    os.umask(0o026)  # the users of the roles enter our folders, and list and read nothing unless its mode says so
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        prepared = prepare(folder)
        supervisor = Supervisor(folder, prepared.stages)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run((folder / READY).touch)
    except (InstallationNotPrepared, NotStarted, SettingsError, RuntimeError, ValueError, OSError) as error:
        log.error("%s", error)
        return 1
    (folder / READY).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(supervise(Path(sys.argv[1])))
