"""The files of ``troika backup configure``, and the archive of the keys."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.local.secrets import make_keys
from deploy.operations.backup.__main__ import main
from deploy.operations.backup.configuration import read_configuration
from shared.core.key_files import new_key

PLACES = ("settings", "access", "form-keys")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A machine's folders: keys, who has access, and keys of forms."""
    make_keys(tmp_path / "settings" / "prepare" / "keys")
    for name in PLACES[1:]:
        (tmp_path / name).mkdir()
    (tmp_path / "access" / "access.json").write_text("[]\n")
    (tmp_path / "form-keys" / "upr-webinar-10.key").write_bytes(b"wrapped")
    (tmp_path / "form-keys" / "link").symlink_to("/etc/passwd")
    (tmp_path / "metrics").mkdir()
    return tmp_path


def run(place: Path, *words: str) -> Result:
    """As an operator types it."""
    return CliRunner().invoke(
        main, list(words), env={"TROIKA_BACKUP_CONFIG": str(place / "backup" / "pgbackrest.conf")}
    )


def configure(place: Path) -> Result:
    """A cluster in ``data``, with a repository beside it."""
    (place / "data").mkdir(exist_ok=True)
    return run(place, "configure", "--data", str(place / "data"), "--repository", str(place / "repository"))


def keys(place: Path, folder: str = "archives") -> Result:
    """All keys in one file."""
    named = [word for name in PLACES for word in (f"--{name}", str(place / name))]
    where = ("--key", str(place / "archive.key"), "--metrics", str(place / "metrics"))
    return run(place, "keys", str(place / folder), *named, *where)


def unpack(place: Path, file: Path, into: str = "unpacked") -> Result:
    """The archive in a new folder."""
    return run(place, "unpack-keys", str(file), str(place / into), "--key", str(place / "archive.key"))


def test_passphrase_is_made_once_for_the_account_alone(place: Path) -> None:
    first = configure(place)
    passphrase = place / "backup" / "conf.d" / "passphrase.conf"
    content = passphrase.read_text()
    again = configure(place)
    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert (passphrase.read_text(), passphrase.stat().st_mode & 0o777) == (content, 0o600)
    assert content.strip().partition("repo1-cipher-pass=")[2] not in first.output + again.output
    assert "aes-256-cbc" in (place / "backup" / "pgbackrest.conf").read_text()
    assert f"kept: {passphrase}" in again.output


def test_passphrase_of_a_repository_with_backups_is_never_made_anew(place: Path) -> None:
    (place / "repository" / "backup" / "troika").mkdir(parents=True)
    done = configure(place)
    assert (done.exit_code, "Another one would open none of them" in done.output) == (1, True)
    assert not (place / "backup").exists()


def test_passphrase_is_not_made_anew_where_the_file_names_another_repository(place: Path) -> None:
    configure(place)
    (place / "backup" / "conf.d" / "passphrase.conf").unlink()
    file = place / "backup" / "pgbackrest.conf"
    (place / "moved" / "backup" / "troika").mkdir(parents=True)
    file.write_text(file.read_text().replace(str(place / "repository"), str(place / "moved")))
    done = configure(place)
    assert (done.exit_code, "holds backups already" in done.output) == (1, True)
    file.write_text(file.read_text().replace(f"repo1-path={place / 'moved'}", "repo1-path=/troika\nrepo1-type=s3"))
    assert configure(place).exit_code == 1, "what an object store holds is not known here"


def test_settings_of_the_server_archive_all_wal(place: Path) -> None:
    configure(place)
    configuration = read_configuration(place / "backup" / "pgbackrest.conf")
    settings = configuration.server_settings()
    assert settings["archive_mode"] == "on"
    assert settings["archive_command"].endswith("--stanza=troika archive-push %p")
    assert f"--pg1-path={place / 'x'}" in configuration.server_settings(place / "x")["archive_command"]


def test_archive_of_keys_opens_with_its_key_alone(place: Path) -> None:
    done = keys(place)
    assert done.exit_code == 0, done.output
    (file,) = (place / "archives").glob("troika-keys-*.box")
    assert (file.stat().st_mode & 0o777, (place / "archive.key").stat().st_mode & 0o777) == (0o600, 0o600)
    master = (place / "settings" / "prepare" / "keys" / "master.key").read_bytes()
    assert master not in file.read_bytes()
    assert unpack(place, file).exit_code == 0
    unpacked = place / "unpacked"
    assert (unpacked / "settings" / "prepare" / "keys" / "master.key").read_bytes() == master
    assert (unpacked / "form-keys" / "upr-webinar-10.key").read_bytes() == b"wrapped"
    assert not (unpacked / "form-keys" / "link").exists()
    assert 'kind="keys"' in (place / "metrics" / "troika_backup_keys.prom").read_text()


@pytest.mark.parametrize("fault", ["other key", "damaged", "not empty"])
def test_archive_is_not_unpacked(place: Path, fault: str) -> None:
    keys(place)
    (file,) = (place / "archives").glob("troika-keys-*.box")
    if fault == "other key":
        (place / "archive.key").write_text(new_key().hex() + "\n")
    if fault == "damaged":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    if fault == "not empty":
        (place / "unpacked").mkdir()
        (place / "unpacked" / "a-file").touch()
    done = unpack(place, file)
    assert done.exit_code == 1
    assert ("is not empty" if fault == "not empty" else "the archive does not open") in done.output
    assert not (place / "unpacked" / "settings").exists()


@pytest.mark.parametrize("folder", ["repository", "repository/keys", "."])
def test_keys_and_backups_are_never_in_one_another(place: Path, folder: str) -> None:
    configure(place)
    done = keys(place, folder)
    assert (done.exit_code, "a thief of one would have both" in done.output) == (1, True)
    assert list(place.rglob("*.box")) == []


def test_archive_without_keys_of_forms_is_no_success(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where their folder is missing, nor where the keys database of the settings does not answer."""
    monkeypatch.delenv("TROIKA_KEYS_DATABASE_URL", raising=False)
    shutil.rmtree(place / "form-keys")
    done = keys(place)
    assert (done.exit_code, "holds no keys of forms" in done.output) == (1, True)
    operator = place / "settings" / "tools" / "operator"
    operator.mkdir(parents=True)
    (operator / "TROIKA_KEYS_DATABASE_URL").write_text("postgresql://troika_keys_operator:x@127.0.0.1:1/keys\n")
    done = keys(place)
    assert (done.exit_code, "PostgreSQL refused it" in done.output) == (1, True)
    assert list((place / "metrics").iterdir()) == []


def test_old_archives_are_deleted(place: Path) -> None:
    (place / "archives").mkdir()
    for day in range(1, 31):
        (place / "archives" / f"troika-keys-202003{day:02}T000000Z.box").touch()
    keys(place)
    found = sorted(file.name for file in (place / "archives").iterdir())
    assert (len(found), found[0]) == (30, "troika-keys-20200302T000000Z.box")


def test_figures_can_be_read_by_others_though_a_timer_writes_private_files(place: Path) -> None:
    before = os.umask(0o077)
    try:
        done = keys(place)
        assert (done.exit_code, os.umask(0o077)) == (0, 0o077), "the mask is put back"
    finally:
        os.umask(before)
    [figures] = (place / "metrics").iterdir()
    assert figures.stat().st_mode & 0o777 == 0o644
    [archive] = (place / "archives").iterdir()
    assert archive.stat().st_mode & 0o777 == 0o600
