"""The two archives of ``troika backup keys`` and ``troika backup form-keys``: apart from each other, and complete."""

import errno
import fcntl
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.local.secrets import make_keys
from deploy.operations.backup.__main__ import main
from deploy.operations.backup.archive_files import LOCK
from shared.security.keys import new_key, read_keys

FORM = "upr-webinar-10"
SECRETS, FORMS = "troika-keys-*.box", "troika-form-keys-*.box"
URL = "TROIKA_KEYS_DATABASE_URL"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A machine's folders: keys, who has access, and keys of forms."""
    make_keys(tmp_path / "settings" / "prepare" / "keys")
    for name in ("access", "form-keys", "metrics"):
        (tmp_path / name).mkdir()
    (tmp_path / "access" / "access.json").write_text("[]\n")
    (tmp_path / "access" / "link").symlink_to("/etc/passwd")
    (tmp_path / "form-keys" / f"{FORM}.key").write_bytes(b"wrapped")
    (tmp_path / "form-keys" / "gone.destroyed").write_text("2020-03-02T09:30:00Z")
    (tmp_path / "form-keys" / "link.key").symlink_to("/etc/passwd")
    return tmp_path


def run(place: Path, *words: str, **environment: str) -> Result:
    """As an operator types it."""
    variables = {
        "TROIKA_BACKUP_CONFIG": str(place / "backup" / "pgbackrest.conf"),
        "TROIKA_BACKUP_METRICS": str(place / "metrics"),
        "TROIKA_KEYS_ARCHIVE_KEY": str(place / "keys-archive.key"),
        "TROIKA_FORM_KEYS_ARCHIVE_KEY": str(place / "form-keys-archive.key"),
        **environment,
    }
    return CliRunner().invoke(main, list(words), env=variables)


def keys(place: Path, folder: str = "archives", **environment: str) -> Result:
    """Settings, keys and access."""
    where = ("--settings", str(place / "settings"), "--access", str(place / "access"))
    return run(place, "keys", str(place / folder), *where, **environment)


def form_keys(place: Path, folder: str = "forms", *words: str, named: bool = True, **environment: str) -> Result:
    """The keys of forms, from their folder if it is named."""
    where = ("--settings", str(place / "settings"), *(("--form-keys", str(place / "form-keys")) if named else ()))
    return run(place, "form-keys", str(place / folder), *where, *words, **environment)


def unpack(place: Path, file: Path, into: str = "unpacked") -> Result:
    """The archive in a new folder."""
    return run(place, "unpack-keys", str(file), str(place / into))


def files(folder: Path) -> dict[str, bytes]:
    """Contents by path below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def only(folder: Path, pattern: str) -> Path:
    """The one archive."""
    (file,) = folder.glob(pattern)
    return file


def test_master_key_and_keys_of_forms_are_in_two_archives_with_two_keys(place: Path) -> None:
    stray = place / "settings" / "operator" / "TROIKA_FORM_KEYS"  # as Kubernetes hands the folder over
    stray.mkdir(parents=True)
    for folder in (stray, place / "settings" / "prepare" / "keys" / "form-keys"):
        (folder / f"{FORM}.key").write_bytes(b"wrapped")
    first, second = keys(place), form_keys(place)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    secrets, forms = only(place / "archives", SECRETS), only(place / "forms", FORMS)
    master = (place / "settings" / "prepare" / "keys" / "master.key").read_bytes()
    for file in (secrets, forms, place / "keys-archive.key", place / "form-keys-archive.key"):
        assert file.stat().st_mode & 0o777 == 0o600
        assert master not in file.read_bytes()
    assert read_keys(place / "keys-archive.key") != read_keys(place / "form-keys-archive.key")
    assert (unpack(place, secrets, "a").exit_code, unpack(place, forms, "b").exit_code) == (0, 0)
    assert files(place / "b") == {
        f"form-keys/{FORM}.key": b"wrapped",
        "form-keys/gone.destroyed": b"2020-03-02T09:30:00Z",
    }
    unpacked = files(place / "a")
    assert unpacked["settings/prepare/keys/master.key"] == master
    assert unpacked["access/access.json"] == b"[]\n"
    assert b"wrapped" not in unpacked.values()
    assert not any(name.endswith("link") for name in unpacked)
    for kind in ("keys", "form-keys"):
        assert f'kind="{kind}"' in (place / "metrics" / f"troika_backup_{kind}.prom").read_text()


def test_folder_of_form_keys_below_the_settings_is_left_out(place: Path) -> None:
    """For any name."""
    shutil.move(place / "form-keys", place / "settings" / "of-forms")
    done = keys(place, TROIKA_FORM_KEYS=str(place / "settings" / "of-forms"))
    assert done.exit_code == 0, done.output
    unpack(place, only(place / "archives", SECRETS))
    assert "of-forms" not in {path.name for path in (place / "unpacked").rglob("*")}


def test_one_key_never_opens_both(place: Path) -> None:
    keys(place)
    shutil.copy(place / "keys-archive.key", place / "form-keys-archive.key")
    done = form_keys(place)
    assert (done.exit_code, "one key must not open both" in done.output) == (1, True)
    assert not (place / "forms").exists()


@pytest.mark.parametrize("folder", ["archives", "archives/forms", "."])
def test_one_place_never_holds_both(place: Path, folder: str) -> None:
    keys(place)
    done = form_keys(place, folder)
    assert (done.exit_code, "a thief of one would have both" in done.output) == (1, True)
    assert list(place.rglob(FORMS)) == []


def test_destroyed_key_is_gone_after_as_many_runs_as_archives_are_kept(place: Path) -> None:
    (place / "forms").mkdir()
    for day in range(1, 8):
        (place / "forms" / f"troika-form-keys-202003{day:02}T000000Z.box").touch()
    newest = place / "forms" / "troika-form-keys-20200307T000000Z.box"
    newest.unlink()
    shutil.copy(_an_archive(place), newest)
    done = form_keys(place)
    assert done.exit_code == 0, done.output
    assert "7 archives are kept: a key that was destroyed is gone from" in done.output
    names = sorted(path.name for path in (place / "forms").glob(FORMS))
    assert (len(names), names[0]) == (7, "troika-form-keys-20200302T000000Z.box")
    shutil.copy(newest, place / "forms" / "troika-form-keys-20200308T000000Z.box")
    only(place / "forms", "troika-form-keys-202[1-9]*.box").unlink()
    assert form_keys(place, "forms", "--kept", "1").exit_code == 0
    assert len(list((place / "forms").glob(FORMS))) == 1
    assert form_keys(place, "forms", "--kept", "0").exit_code == 2, "none kept would be no backup"


def _an_archive(place: Path) -> Path:
    assert form_keys(place, "first").exit_code == 0
    return only(place / "first", FORMS)


def test_archives_of_keys_are_kept_for_thirty_runs(place: Path) -> None:
    (place / "archives").mkdir()
    for day in range(1, 31):
        (place / "archives" / f"troika-keys-202003{day:02}T000000Z.box").touch()
    keys(place)
    found = sorted(file.name for file in (place / "archives").glob(SECRETS))
    assert (len(found), found[0]) == (30, "troika-keys-20200302T000000Z.box")


def test_emptied_store_does_not_replace_good_archives(place: Path) -> None:
    """A key that goes with a tombstone was destroyed; one that goes without was lost."""
    before = _an_archive(place)
    (place / "form-keys" / f"{FORM}.key").unlink()
    done = form_keys(place, "first")
    assert (done.exit_code, f"holds the keys of {FORM}, which now have neither" in done.output) == (1, True)
    assert list((place / "first").glob(FORMS)) == [before]
    before.rename(before.with_name("troika-form-keys-20200301T000000Z.box"))
    (place / "form-keys" / f"{FORM}.destroyed").write_text("2020-03-03T09:30:00Z")
    assert form_keys(place, "first").exit_code == 0


def test_interrupted_archive_is_deleted_and_none_is_written_over(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "forms").mkdir()
    left = place / "forms" / "troika-form-keys-20200301T000000Z.unfinished"
    left.touch()
    assert form_keys(place).exit_code == 0
    assert not left.exists()
    with (place / "forms" / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = form_keys(place)
    assert (done.exit_code, "another run writes into" in done.output) == (1, True)
    before = files(place / "forms")
    name = only(place / "forms", FORMS).name
    monkeypatch.setattr("deploy.operations.backup.key_commands.datetime", _At(name))
    done = form_keys(place)
    assert (done.exit_code, "nothing is written over" in done.output) == (1, True)
    assert files(place / "forms") == before


class _At:
    """A clock that is set to the second of an archive."""

    def __init__(self, name: str) -> None:
        self._name = name

    def now(self, _zone: object) -> "_At":
        return self

    def __format__(self, _form: str) -> str:
        return self._name.removeprefix("troika-form-keys-").removesuffix(".box")

    def timestamp(self) -> float:
        return 0.0


def test_archive_that_the_disk_does_not_hold_is_no_success(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"" if path.suffix == ".unfinished" else _content(path))
    done = form_keys(place)
    assert (done.exit_code, "does not hold what was written" in done.output) == (1, True)
    assert [path.name for path in (place / "forms").iterdir()] == [LOCK]


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read()


@pytest.mark.parametrize("fault", ["other key", "damaged", "no archive", "not empty"])
def test_archive_is_not_unpacked(place: Path, fault: str) -> None:
    keys(place)
    file = only(place / "archives", SECRETS)
    if fault == "other key":
        (place / "keys-archive.key").write_text(new_key().hex() + "\n")
    if fault == "damaged":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    if fault == "no archive":
        file.write_bytes(b"x")
    if fault == "not empty":
        (place / "unpacked").mkdir()
        (place / "unpacked" / "a-file").touch()
    reason = {"not empty": "is not empty", "no archive": "this is no archive"}.get(fault, "the archive does not open")
    done = unpack(place, file)
    assert (done.exit_code, reason in done.output) == (1, True), done.output
    assert not (place / "unpacked" / "settings").exists()


@pytest.mark.parametrize("folder", ["repository", "repository/keys", "."])
@pytest.mark.parametrize("command", [keys, form_keys])
def test_keys_and_backups_are_never_in_one_another(place: Path, folder: str, command: type) -> None:
    (place / "data").mkdir()
    run(place, "configure", "--data", str(place / "data"), "--repository", str(place / "repository"))
    done = command(place, folder)
    assert (done.exit_code, "a thief of one would have both" in done.output) == (1, True)
    assert list(place.rglob("*.box")) == []


def test_no_success_without_keys_of_forms(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where their folder is missing, nor where the keys database of the settings does not answer."""
    monkeypatch.delenv(URL, raising=False)
    operator = place / "settings" / "tools" / "operator"
    operator.mkdir(parents=True)
    (operator / URL).write_text("postgresql://troika_keys_operator:x@127.0.0.1:1/keys\n")
    done = form_keys(place, named=False)
    assert (done.exit_code, "PostgreSQL refused it" in done.output) == (1, True)
    done = form_keys(place)
    assert (done.exit_code, "keys are in one of them" in done.output) == (1, True)
    (operator / URL).unlink()
    shutil.rmtree(place / "form-keys")
    done = form_keys(place)
    assert (done.exit_code, "there are no keys of forms" in done.output) == (1, True)
    assert (list(place.rglob("*.box")), list((place / "metrics").iterdir())) == ([], [])


def test_link_that_takes_the_place_of_a_key_while_it_is_read_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account of the folder swaps them between the check and the reading, by root."""
    monkeypatch.setattr(Path, "is_symlink", lambda _path: False)
    done = form_keys(place)
    assert isinstance(done.exception, OSError)
    assert done.exception.errno == errno.ELOOP
    assert list(place.rglob(FORMS)) == []


@pytest.mark.parametrize("name", [LOCK, "troika-form-keys-20200301T000000Z.unfinished"])
def test_link_in_the_folder_of_archives_is_not_written_through(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another account may own the folder, and make the link after an interrupted archive was deleted."""
    (place / "forms").mkdir()
    (place / "forms" / name).symlink_to(place / "elsewhere")
    monkeypatch.setattr("deploy.operations.backup.key_commands.datetime", _At("troika-form-keys-20200301T000000Z.box"))
    monkeypatch.setattr(Path, "unlink", lambda _path, missing_ok=False: None)
    done = form_keys(place)
    assert isinstance(done.exception, OSError)
    assert not (place / "elsewhere").exists()


def test_folder_of_settings_may_be_a_link(place: Path) -> None:
    (place / "settings").rename(place / "other")
    (place / "settings").symlink_to(place / "other")
    assert keys(place).exit_code == 0
    unpack(place, only(place / "archives", SECRETS))
    assert "settings/prepare/keys/master.key" in files(place / "unpacked")


@pytest.mark.parametrize("content", [b"", b"x" * 4097, None])
def test_file_that_can_be_no_key_is_refused(place: Path, content: bytes | None) -> None:
    """Nor can a folder."""
    other = place / "form-keys" / "other.key"
    if content is None:
        other.mkdir()
    else:
        other.write_bytes(content)
    done = form_keys(place)
    assert (done.exit_code, "other.key is empty or longer than 4096 bytes" in done.output) == (1, True)


def test_figures_can_be_read_by_others_though_a_timer_writes_private_files(place: Path) -> None:
    before = os.umask(0o077)
    try:
        done = keys(place)
        assert (done.exit_code, os.umask(0o077)) == (0, 0o077), "the mask is put back"
    finally:
        os.umask(before)
    [figures] = (place / "metrics").iterdir()
    assert figures.stat().st_mode & 0o777 == 0o644
    assert only(place / "archives", SECRETS).stat().st_mode & 0o777 == 0o600
