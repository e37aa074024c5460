"""Accounts of this machine, and what they may reach: PostgreSQL refuses root, and no other program needs it."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DATABASE_ACCOUNT = "pgserver"
"""The account that is created for PostgreSQL where the machine has none called ``postgres``."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, or ids that no user has.

    Attributes:
        name: the name in messages.
        uid: user id.
        gid: id of its primary group.
        groups: ids of further groups.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def owns(self, path: Path) -> bool:
        """Whether ``path`` belongs to this account."""
        return path.stat().st_uid == self.uid


def find_account(name: str) -> Account | None:
    """Return the account called ``name``, or None if the machine has none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def service_account(*names: str) -> Account | None:
    """The first of ``names`` that exists, for a server started by root.

    Returns:
        None when we do not run as root: the server then runs as the same user.

    Raises:
        RuntimeError: root, and none of the users exists.
    """
    if os.geteuid() != 0:
        return None
    for name in names:
        if account := find_account(name):
            return account
    raise RuntimeError(f"running as root, and no user of {', '.join(names)} exists to run the server as")


def database_account() -> Account | None:
    """Return the account that runs PostgreSQL for root: ``postgres``, or ``pgserver``, which is created if missing.

    ``nobody`` is not used: other programs run as that account and could read the data.

    Returns:
        None when we do not run as root: the server then runs as the same user.

    Raises:
        RuntimeError: the account cannot be created; the message names the remedy.
    """
    if os.geteuid() != 0:
        return None
    found = find_account("postgres") or find_account(DATABASE_ACCOUNT)
    return found or _create_account(DATABASE_ACCOUNT)


def _create_account(name: str) -> Account:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    account = find_account(name) if program and run_as(None, [program, *command[1:]]).returncode == 0 else None
    if account is None:
        raise RuntimeError(
            f"PostgreSQL refuses to run as root, and the account {name} cannot be created: "
            f"run `{' '.join(command)}`, or start this as an ordinary user"
        )
    return account


def run_as(
    account: Account | None, command: Sequence[str], *, cwd: Path | str = "/", env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``command`` to its end as ``account``, with only its groups, and capture its output.

    Bytes of the output that are no text are replaced: a program that reads a file with a wrong key may print them.

    Args:
        account: None for the running user.
        command: program and arguments.
        cwd: folder to run in.
        env: whole environment; None for the running one.
    """
    if account is None:
        return subprocess.run(  # noqa: S603 - our own command
            command, cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False
        )
    return subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
    )


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether ``account`` (None: the running user) may go to what lies in ``folder``."""
    return run_as(account, ["test", "-x", str(folder)]).returncode == 0


def can_read(account: Account | None, path: Path) -> bool:
    """Whether ``account`` (None: the running user) may read ``path``."""
    return run_as(account, ["test", "-r", str(path)]).returncode == 0


@contextmanager
def acting_as(account: Account | None) -> Iterator[None]:
    """Access files with the rights of ``account`` only; nothing changes for None, or if we are not root.

    For a program with one thread: in the block the whole process has these rights and can start no program as another.
    """
    if account is None or os.geteuid() != 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    try:
        os.setgroups(account.groups)
        os.setegid(account.gid)
        os.seteuid(account.uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


@contextmanager
def acting_in(folder: Path, account: Account | None) -> Iterator[None]:
    """The same where another account than root may change what ``folder`` leads to; else root stays root.

    There ``account`` could put a link in the place of any folder on the way (CWE-59). With its own rights it reaches
    nothing that it could not reach anyway.
    """
    with acting_as(None if _is_roots(folder) else account):
        yield


def make_folder(folder: Path, account: Account | None) -> None:
    """Make a folder that ``account`` (None: the running user) alone can enter, and the missing folders above it.

    Raises:
        FileExistsError: it is there.
    """
    with acting_in(next(parent for parent in folder.parents if parent.exists()), account):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        give(folder, account)


def _is_roots(folder: Path) -> bool:
    """Whether only root can rename, replace or delete ``folder`` and every folder and link on the way to it."""
    for path in (folder.absolute(), *folder.absolute().parents):
        state = path.lstat()
        is_shared = bool(state.st_mode & 0o022) and not (stat.S_ISLNK(state.st_mode) or state.st_mode & stat.S_ISVTX)
        if state.st_uid != 0 or is_shared:
            return False
    return True


def give(path: Path, account: Account | None) -> None:
    """Make ``account`` the owner of a folder or a file; nothing happens for None.

    ``path`` may lie in a folder of that account, which could put a link to a file of root in its place (CWE-59). So no
    link is followed, and a file with a second name is refused.

    Raises:
        OSError: ``path`` is a link.
        RuntimeError: it is neither a folder nor a file with one name.
    """
    if account is None:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode) and not (stat.S_ISREG(found.st_mode) and found.st_nlink == 1):
            raise RuntimeError(f"{path} is neither a folder nor a file with one name: remove it")
        os.fchown(descriptor, account.uid, account.gid)
    finally:
        os.close(descriptor)


def write_private(path: Path, content: str, account: Account | None) -> None:
    """Write a new file that ``account`` (None: the running user) alone can read; remove an older one of that name.

    Raises:
        OSError: the folder is not there, or something else took the name in the meantime.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
