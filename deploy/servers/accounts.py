"""Which user a server runs as: PostgreSQL refuses root, and nothing else needs it."""

import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def service_account(*names: str) -> Account | None:
    """The first of ``names`` that exists, for a server started by root.

    Returns:
        None when we do not run as root: the server then runs as the same user.

    Raises:
        RuntimeError: root, and none of the users exists.
    """
    if os.geteuid() != 0:
        return None
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in names:
        if entry := entries.get(name):
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise RuntimeError(f"running as root, and no user of {', '.join(names)} exists to run the server as")
