"""Files of root in folders of other accounts: a link that such an account has put there is not followed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.runtime.accounts import Account, acting_in, give, make_folder, write_private

Link = Callable[[Path, Path], None]


@pytest.fixture
def account() -> Account:
    """Ids that no user of the machine has for root, else the running user's: others cannot give files away."""
    return Account("nobody-yet", 64_999, 64_999) if os.geteuid() == 0 else Account("own", os.getuid(), os.getgid())


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that belongs to the running user."""
    file = tmp_path / "victim"
    file.write_text("untouched")
    return file


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_link_to_a_file_is_not_given_away(tmp_path: Path, victim: Path, account: Account, link: Link) -> None:
    place = tmp_path / "key"
    link(place, victim)
    with pytest.raises((OSError, RuntimeError)):
        give(place, account)
    assert victim.stat().st_uid == os.geteuid()


def test_link_to_a_folder_is_not_given_away(tmp_path: Path, account: Account) -> None:
    folder, place = tmp_path / "folder", tmp_path / "socket"
    folder.mkdir()
    place.symlink_to(folder)
    with pytest.raises(OSError, match="symbolic"):
        give(place, account)
    assert folder.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_private_file_replaces_a_link(tmp_path: Path, victim: Path, account: Account, link: Link) -> None:
    place = tmp_path / "nginx.conf"
    link(place, victim)
    write_private(place, "content", account)
    assert (victim.read_text(), victim.stat().st_uid) == ("untouched", os.geteuid())
    assert (place.read_text(), place.stat().st_uid, place.stat().st_mode & 0o777) == ("content", account.uid, 0o600)


def open_to_all(folder: Path) -> None:
    """Give every account access to ``folder``, as to the folders of a machine."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid():
            each.chmod(each.stat().st_mode | 0o055)


def test_folder_behind_a_link_of_another_account_is_not_made(tmp_path: Path, account: Account) -> None:
    """The link is on the way: ``O_NOFOLLOW`` does not see it, the rights of its owner end there."""
    open_to_all(tmp_path)
    victim, theirs = tmp_path / "of-root", tmp_path / "theirs"
    for folder in (victim, theirs):
        folder.mkdir()
    os.chown(theirs, account.uid, account.gid)
    (theirs / "link").symlink_to(victim)
    if os.geteuid() == 0:
        with pytest.raises(PermissionError):
            make_folder(theirs / "link" / "data", account)
        with pytest.raises(PermissionError), acting_in(theirs / "link", account):
            write_private(theirs / "link" / "file", "content", account)
        assert list(victim.iterdir()) == []
        assert os.geteuid() == 0
    make_folder(theirs / "a" / "data", account)
    assert [(theirs / name).stat().st_uid for name in ("a", "a/data")] == [account.uid] * 2


def test_folder_in_a_folder_of_root_is_made_by_root_and_given_away(tmp_path: Path, account: Account) -> None:
    made = tmp_path / "data"
    make_folder(made, account)
    assert (made.stat().st_uid, made.stat().st_mode & 0o777) == (account.uid, 0o700)
    with pytest.raises(FileExistsError):
        make_folder(made, account)
