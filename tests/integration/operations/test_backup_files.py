"""The files of ``troika backup configure``."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.operations.backup.__main__ import main
from deploy.operations.backup.configuration import read_configuration
from shared.runtime.accounts import Account, find_account
from tests.unit.shared.runtime.test_accounts import open_to_all


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A machine's folders."""
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


def test_passphrase_of_a_repository_with_backups_is_never_replaced(place: Path) -> None:
    (place / "repository" / "backup" / "troika").mkdir(parents=True)
    done = configure(place)
    assert (done.exit_code, "Another one would open none of them" in done.output) == (1, True)
    assert not (place / "backup").exists()


def test_passphrase_is_not_replaced_where_the_file_names_another_repository(place: Path) -> None:
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


def test_link_of_the_database_account_leads_root_nowhere(place: Path) -> None:
    """That account owns the folder of the files, and puts a link to a folder of root in the place of ``conf.d``."""
    is_root, victim = os.geteuid() == 0, place / "of-root"
    for folder in (victim, place / "data", place / "backup"):
        folder.mkdir()
    open_to_all(place)
    (place / "backup" / "conf.d").symlink_to(victim)
    account = find_account("nobody") if is_root else Account("own", os.getuid(), os.getgid())
    assert account is not None
    for each in (place / "data", place / "backup"):
        os.chown(each, account.uid, account.gid)
    done = configure(place)
    found = [path.name for path in victim.iterdir()]
    assert (done.exit_code, found) == ((1, []) if is_root else (0, ["passphrase.conf"])), "root has not followed it"
    (place / "backup" / "conf.d").unlink()
    assert configure(place).exit_code == 0
    passphrase = place / "backup" / "conf.d" / "passphrase.conf"
    assert (passphrase.stat().st_uid, passphrase.stat().st_mode & 0o777) == (account.uid, 0o600)
