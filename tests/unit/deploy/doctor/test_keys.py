"""Checks of keys."""

from datetime import timedelta
from pathlib import Path

import pytest

from deploy.operations.doctor.grading import Grade, GradedHost, HostDatabase, HostKeyFile
from deploy.operations.doctor.keys import FORM_KEYS
from deploy.operations.doctor.probes import Row
from shared.security.keys import check_value
from tests.unit.deploy.doctor.fakes import NOW, OPERATOR, check, host, only, probes, rows, url

VAULT = "TROIKA_NOTIFICATIONS_VAULT_FILE"
KEY, OTHER = b"k" * 32, b"o" * 32
NOTIFICATIONS = HostDatabase("notifications", "operator", url("troika_notifications_operator", "notifications"))


def known(key: bytes) -> dict[str, list[Row]]:
    """A database that was made with ``key``."""
    values: list[Row] = [("vault", check_value(key, "vault"), NOW - timedelta(days=9))]
    return {"FROM key_check": values, "clock_timestamp": [(NOW,)]}


def with_vault(path: Path, text: str) -> GradedHost:
    """A host with a vault key."""
    path.write_text(text)
    return host(databases=(NOTIFICATIONS,), key_files=(HostKeyFile("notifications", "send", VAULT, path),))


@pytest.mark.parametrize(
    ("folder", "file", "grade"),
    [(0o755, 0o600, Grade.OK), (0o755, 0o640, Grade.OK), (0o700, 0o644, Grade.OK), (0o755, 0o644, Grade.FAILED)],
)
def test_files(tmp_path: Path, folder: int, file: int, grade: Grade) -> None:
    place = tmp_path / "settings"
    path = place / "send" / VAULT
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(file)
    place.chmod(folder)
    graded = host(key_files=(HostKeyFile("", "send", VAULT, path),), secret_files=(path,), secret_folder=place)
    assert only("keys-files", graded, probes())[0] == grade


def test_fingerprints(tmp_path: Path) -> None:
    graded = with_vault(tmp_path / "vault.key", KEY.hex())
    assert only("keys-fingerprints", graded, probes(query=rows(known(KEY)))) == (
        Grade.OK,
        "1 kinds of keys agree with the database",
    )
    assert only("keys-fingerprints", graded, probes(query=rows(known(OTHER)))) == (
        Grade.FAILED,
        f"not the keys of this database: vault ({VAULT}) of send",
    )
    nothing: dict[str, list[Row]] = {**known(KEY), "FROM key_check": []}
    assert only("keys-fingerprints", graded, probes(query=rows(nothing)))[0] == Grade.WARNING


def test_key_that_cannot_be_read(tmp_path: Path) -> None:
    graded = with_vault(tmp_path / "vault.key", "not a key")
    assert only("keys-fingerprints", graded, probes(query=rows(known(KEY)))) == (
        Grade.FAILED,
        f"no key can be read: {VAULT} of send",
    )


def test_service_without_keys_here(tmp_path: Path) -> None:
    other = host(databases=(NOTIFICATIONS,), key_files=(HostKeyFile("events", "web", VAULT, tmp_path),))
    assert only("keys-fingerprints", other, probes(query=rows(known(KEY))))[0] == Grade.NOT_ASKED


def test_form_keys(tmp_path: Path) -> None:
    graded = host(databases=(OPERATOR,), values={FORM_KEYS: str(tmp_path)})
    answers = probes(query=rows({"FROM form_key": [("first", "ab"), ("gone", None)]}))
    assert only("keys-forms", graded, answers) == (Grade.FAILED, "no key for: first")
    (tmp_path / "first.key").touch()
    assert only("keys-forms", graded, answers)[0] == Grade.OK
    (tmp_path / "gone.key").touch()
    assert only("keys-forms", graded, answers) == (Grade.FAILED, "keys that were destroyed: gone")
    assert only("keys-forms", host(databases=(OPERATOR,)), answers)[0] == Grade.NOT_ASKED
    away = host(databases=(OPERATOR,), values={FORM_KEYS: str(tmp_path / "away")})
    assert only("keys-forms", away, answers)[0] == Grade.FAILED


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ([("first", ["ab"])], Grade.OK),
        ([("first", ["ef", "ab"])], Grade.OK),
        ([("first", ["ef"])], Grade.FAILED),
        ([("first", ["ab"]), ("gone", ["cd"])], Grade.FAILED),
        ([], Grade.FAILED),
    ],
)
def test_form_keys_in_their_database(held: list[Row], found: Grade) -> None:
    graded = host(databases=(OPERATOR, HostDatabase("keys", "operator", url("troika_keys_operator", "keys"))))
    answers = rows({"FROM form_key": [("first", "ab"), ("gone", None)], "FROM form_private_key": held})
    assert only("keys-forms", graded, probes(query=answers))[0] == found


def test_results_hold_no_key(tmp_path: Path) -> None:
    graded = with_vault(tmp_path / "vault.key", KEY.hex())
    printed = repr(check("keys-fingerprints", graded, probes(query=rows(known(OTHER))))) + repr(graded)
    assert KEY.hex() not in printed
