"""Checks of keys: permissions of their files, whether they match the databases, and the keys of forms."""

import grp
import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from deploy.operations.doctor.grading import CheckResult, GradedHost, HostKeyFile, failed, not_asked, ok, warning
from deploy.operations.doctor.probes import Probes
from deploy.shape import SERVICES
from services.events.settings import KEY_KINDS as EVENTS
from services.notifications.settings import KEY_KINDS as NOTIFICATIONS
from services.registration.sealing.key_database import VARIABLE
from services.registration.sealing.key_folder import SUFFIX
from services.registration.settings import KEY_KINDS as REGISTRATION
from shared.cli.settings import OPERATOR
from shared.security.keys import KEY_BYTES, HeldKey, KeyKind, KnownKey, missing_keys, read_keys

KINDS = {"registration": REGISTRATION, "events": EVENTS, "notifications": NOTIFICATIONS}
FORM_KEYS, KEYS_DATABASE = "TROIKA_FORM_KEYS", VARIABLE
DATABASE = "keys"
"""The keys database among the databases of a host."""

_ADVICE = {
    "keys that were destroyed": "A restored backup has brought them back: troika registration keys destroy FORM",
    "no key for": "Restore them from the keys' backup; if one is lost: troika registration keys replace --lost FORM",
    "another key for": "Registration's database and the keys do not match: restore the keys' backup of the same time",
}
_KNOWN = "SELECT name, value, added_at FROM key_check ORDER BY name, added_at DESC, value"


def check_files(host: GradedHost, _probes: Probes) -> Iterator[CheckResult]:
    """Files with keys and passwords are readable by their processes only."""
    wrong = [fault for path in host.secret_files if (fault := _readable_by_others(path, host.secret_folder))]
    if wrong:
        do = "chmod 600 the files and 700 the folder; replace keys and passwords that others may have read"
        yield failed("files", f"{len(wrong)} of {len(host.secret_files)}: {', '.join(wrong[:10])}", do)
    else:
        yield ok("files", f"{len(host.secret_files)} files are readable by their owners only")


def check_fingerprints(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Each key matches the check value in its database."""
    for service in SERVICES:
        if not (url := _operator_url(host, service)):
            continue
        now = probes.query(url, "SELECT clock_timestamp()")[0][0]
        known = [(name, KnownKey(value, added_at)) for name, value, added_at in probes.query(url, _KNOWN)]
        yield _compare(host, service, known, now)


def check_form_keys(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The private key of each form is in the folder or the keys database, and a destroyed one is not."""
    url, keys, folder = _operator_url(host, "registration"), _operator_url(host, DATABASE), host.value(FORM_KEYS)
    if not url or not (keys or folder):
        yield not_asked("forms", "no place with keys of forms is named", f"Name it in {FORM_KEYS} or {KEYS_DATABASE}")
        return
    rows = probes.query(url, "SELECT form, fingerprint FROM form_key ORDER BY form")
    try:
        held = _in_database(probes, keys) if keys else _in_folder(Path(folder))
    except OSError as error:
        yield failed("forms", f"the folder cannot be read ({type(error).__name__})", "Restore it from its own backup")
        return
    faults = {
        "keys that were destroyed": [form for form, known in rows if not known and form in held],
        "no key for": [form for form, known in rows if known and form not in held],
        "another key for": [form for form, known in rows if known and held.get(form) and known not in held[form]],
    }
    for fault, forms in faults.items():
        if forms:
            yield failed("forms", f"{fault}: {', '.join(forms)}", _ADVICE[fault])
    if not any(faults.values()):
        yield ok("forms", f"{len(rows)} with a key; {'the keys database' if keys else 'the folder'} fits the database")


def _in_folder(folder: Path) -> Mapping[str, Sequence[str]]:
    """Forms with a key file; fingerprints need the master key, so they are not compared."""
    return {path.name.removesuffix(SUFFIX): () for path in folder.iterdir() if path.name.endswith(SUFFIX)}


def _in_database(probes: Probes, url: str) -> Mapping[str, Sequence[str]]:
    """Fingerprints of the keys of each form in the keys database."""
    return dict(probes.query(url, "SELECT form, fingerprints FROM form_private_key WHERE destroyed_at IS NULL"))


def _operator_url(host: GradedHost, service: str) -> str:
    """URL of the operator's login, else of any login of the service; empty if there is none."""
    logins = {database.process: database.url for database in host.databases if database.service == service}
    return logins.get(OPERATOR) or next(iter(logins.values()), "")


def _compare(host: GradedHost, service: str, known: Sequence[tuple[str, KnownKey]], now: datetime) -> CheckResult:
    held = list(_held(host, service))
    unreadable = [f"{kind.variable} of {file.process}" for kind, file, keys in held if not keys]
    if unreadable:
        do = "Run the doctor as a user who may read them; if a file is damaged, restore it from the keys' backup"
        return failed(service, f"no key can be read: {', '.join(sorted(set(unreadable)))}", do)
    wrong = []
    for kind, file, keys in held:
        values = [value for name, value in known if name == kind.name]
        if missing_keys(HeldKey(kind, keys), values, now):
            wrong.append(f"{kind.name} ({kind.variable}) of {file.process}")
    if wrong:
        do = "Put the right key back; only if it was replaced on purpose: key-checks accept; runbook TroikaKeyWrong"
        return failed(service, f"not the keys of this database: {', '.join(sorted(set(wrong)))}", do)
    if not held:
        return not_asked(service, "no settings with keys of this service are here")
    if not known:
        return warning(
            service, "the database has no key check yet", "Start the processes: the first one registers its keys"
        )
    return ok(service, f"{len({kind.name for kind, _file, _keys in held})} kinds of keys agree with the database")


def _held(host: GradedHost, service: str) -> Iterator[tuple[KeyKind, HostKeyFile, Sequence[bytes]]]:
    """Keys of a service's processes; empty keys where a file cannot be read."""
    for file in host.key_files:
        for kind in KINDS[service]:
            if kind.variable == file.variable and file.service in ("", service):
                yield kind, file, _keys_of(file)


def _keys_of(file: HostKeyFile) -> Sequence[bytes]:
    try:
        if file.path is not None:
            return read_keys(file.path)
        key = bytes.fromhex(file.text)
    except (OSError, ValueError):
        return ()
    return (key,) if len(key) == KEY_BYTES else ()


def _readable_by_others(path: Path, folder: Path) -> str:
    """The path with its mode, if an account other than its owner can reach and read it; else empty."""
    try:
        closed = any(not place.stat().st_mode & 0o001 for place in path.parents if place.is_relative_to(folder))
        found = path.stat()
    except OSError:
        return ""
    mode = stat.S_IMODE(found.st_mode)
    if (mode & 0o004 and not closed) or (mode & 0o040 and len(_members(found.st_gid)) > 1):
        return f"{path} ({mode:o})"
    return ""


def _members(gid: int) -> Sequence[str]:
    """Accounts that are listed in a group."""
    try:
        return grp.getgrgid(gid).gr_mem
    except KeyError:
        return ()
