"""As which users our own processes run under `make up`, and from which files.

If root starts it, each role gets a separate user and group without an entry in /etc/passwd (as systemd's DynamicUser),
and each secret a group that only the roles in need of it belong to. Where those users cannot read the interpreter, its
packages or this project (below /root), they run from a copy in the installation's folder; no folder gets wider rights.
"""

import hashlib
import os
import pwd
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.secrets import OWNERS, Secrets
from deploy.servers.units import Unit
from deploy.shape import PROCESSES, SERVICES, worker_name
from shared.runtime.accounts import Account, can_read, give

PROJECT = Path(__file__).resolve().parents[2]
FIRST_ID, LAST_ID, BLOCK = 61184, 65519, 64
"""The range of systemd's dynamic users, and how many ids an installation takes."""

OPERATORS = {service: f"{service}-operator" for service in SERVICES} | {"registration": "registration-desk"}
"""Role that a service's commands run as. Commands of registration write form keys, as its process ``desk`` does."""

ROLES = (
    *(worker_name(*process) for process in PROCESSES),
    *("events-operator", "notifications-operator", "sink", "canary", "audit"),
)
SECRETS = tuple(sorted({name for names in OWNERS.values() for name in names}))
SKIPPED = shutil.ignore_patterns("site-packages", "test", "idlelib", "ensurepip", "turtledemo", "lib2to3", "config-*")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Attributes:
    first_id: the first id of the installation's users and groups; None where everything runs as the running user.
    python: interpreter that every role can run.
    project: folder that every role can read, with our code.
    environment: what the interpreter needs.
    """

    first_id: int | None = None
    python: str = sys.executable
    project: Path = PROJECT
    environment: Mapping[str, str] = field(default_factory=dict)

    def account(self, role: str) -> Account | None:
        """The user of a role, in the groups of the secrets that it needs; None for the running user."""
        if self.first_id is None:
            return None
        identity = self.first_id + ROLES.index(role)
        service, _, process = role.partition("-")
        groups = tuple(self._group(name) for name in OWNERS.get((service, process), ()))
        return Account(role, identity, identity, groups)

    def share(self, secrets: Secrets) -> None:
        """Let each role read its own secrets, and registration's ``desk`` write the keys of forms."""
        if self.first_id is None:
            return
        secrets.folder.chmod(0o711)
        for name, path in secrets.files().items():
            if path.is_dir():
                for entry in (path, *path.iterdir()):
                    give(entry, self.account(OPERATORS["registration"]))
            else:
                os.chown(path, 0, self._group(name))
                path.chmod(0o640)

    def unit(self, role: str, words: Sequence[str], environment: Mapping[str, str], ready: Callable[[], bool]) -> Unit:
        """The unit of one of our own processes: ``python -m`` and ``words``."""
        command = [self.python, "-m", *words]
        return Unit(role, command, {**environment, **self.environment}, self.project, ready, self.account(role))

    def readable(self, path: Path, name: str, copies: Path) -> Path:
        """``path``, or a copy of it called ``name`` in ``copies`` if the roles cannot read it."""
        return _readable(path, copies / name, self.account(ROLES[0]))

    def _group(self, secret: str) -> int:
        return (self.first_id or 0) + len(ROLES) + SECRETS.index(secret)


def make_runtime(folder: Path) -> Runtime:
    """The runtime of the installation in ``folder``; copies of an earlier start are replaced.

    Raises:
        RuntimeError: no ids are free.
    """
    if os.geteuid() != 0:
        return Runtime()
    copies = folder / "runtime"
    shutil.rmtree(copies, ignore_errors=True)
    copies.mkdir()
    first_id = _free_ids(folder)
    account = Runtime(first_id).account(ROLES[0])
    project = _readable(PROJECT, copies / "project", account, _not_needed)
    packages = _readable(Path(sysconfig.get_paths()["purelib"]), copies / "packages", account)
    python = _readable_python(copies / "python", account)
    if python == sys.executable and packages.parent != copies:
        return Runtime(first_id, python, project)
    libraries = str(copies / "python" / "lib")
    environment = {"PYTHONPATH": str(packages), "PYTHONNOUSERSITE": "1", "LD_LIBRARY_PATH": libraries}
    return Runtime(first_id, python, project, environment)


def _not_needed(folder: str, names: list[str]) -> set[str]:
    """Of the checkout only our code is copied: other files in it may be private."""
    if Path(folder) == PROJECT:
        return set(names) - {"services", "shared", "deploy", "pyproject.toml"}
    return {name for name in names if name == "__pycache__" or name.startswith(".")}


def _free_ids(folder: Path) -> int:
    """The first id of a block that no user has; the same one at each start of the installation in ``folder``."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    blocks = list(range(FIRST_ID, LAST_ID - BLOCK, BLOCK))
    start = int.from_bytes(hashlib.sha256(os.fsencode(folder.resolve())).digest()[:4], "big") % len(blocks)
    for first in (*blocks[start:], *blocks[:start]):
        if not taken.intersection(range(first, first + BLOCK)):
            return first
    raise RuntimeError(f"no {BLOCK} user ids are free between {FIRST_ID} and {LAST_ID}")


def _readable_python(copy: Path, account: Account | None) -> str:
    """The running interpreter, or a copy of the installation that it belongs to."""
    program, library = Path(sys.executable).resolve(), Path(sysconfig.get_paths()["stdlib"])
    if can_read(account, program) and can_read(account, library / "os.py") and can_read(account, Path(sys.executable)):
        return sys.executable
    target = copy / "bin" / program.name
    target.parent.mkdir(parents=True)
    _link_or_copy(str(program), str(target))
    _copy(library, copy / "lib" / library.name, SKIPPED)
    for shared_library in library.parent.glob("libpython*"):
        _link_or_copy(str(shared_library), str(copy / "lib" / shared_library.name))
    return str(target)


def _readable(path: Path, copy: Path, account: Account | None, skipped: Callable[..., set[str]] | None = None) -> Path:
    if can_read(account, path / "."):
        return path
    _copy(path, copy, skipped)
    return copy


def _copy(source: Path, target: Path, skipped: Callable[..., set[str]] | None) -> None:
    """Copy a folder so that everyone can read it; files are linked where that does."""
    shutil.copytree(source, target, ignore=skipped, copy_function=_link_or_copy)
    for path in (target, *target.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def _link_or_copy(source: str, target: str) -> None:
    mode = os.stat(source).st_mode
    if mode & 0o004:
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)
        return
    shutil.copy2(source, target)
    os.chmod(target, mode & 0o777 | 0o444 | (0o111 if mode & 0o100 else 0))
