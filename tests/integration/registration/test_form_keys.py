"""Key files of forms: destroyed, replaced, wrapped anew, while a process holds their keys."""

from pathlib import Path

import pytest

from services.registration.privacy.form_keys import FormKeys, KeyGone
from shared.core.sealing import Unsealable, new_key

FORM, ROW = "a-form", "a-row"
OLD, NEW = new_key(), new_key()


@pytest.fixture
def keys(tmp_path: Path) -> FormKeys:
    """Of a process that has made and used the key of one form."""
    made = FormKeys(tmp_path, [OLD])
    made.make(FORM)
    made.vault(FORM)
    return made


def test_key_is_opened_once_while_its_file_is_the_same(keys: FormKeys) -> None:
    assert keys.vault(FORM) is keys.vault(FORM)


def test_destroyed_key_is_forgotten_at_once(keys: FormKeys, tmp_path: Path) -> None:
    (tmp_path / "a-form.key").unlink()
    for _ in range(2):
        with pytest.raises(KeyGone):
            keys.vault(FORM)


def test_form_without_key_has_none(keys: FormKeys) -> None:
    with pytest.raises(KeyGone):
        keys.vault("another-form")


def test_key_made_anew_does_not_open_what_the_old_one_sealed(keys: FormKeys, tmp_path: Path) -> None:
    """Loading the forms makes a new key where a file was lost; it is taken up without a restart."""
    before = keys.vault(FORM).close({"diet": "vegan"}, row=ROW)
    (tmp_path / "a-form.key").unlink()
    FormKeys(tmp_path, [OLD]).make(FORM)
    with pytest.raises(Unsealable):
        keys.vault(FORM).open(before, row=ROW)
    assert keys.vault(FORM).open(keys.vault(FORM).close({"diet": "vegan"}, row=ROW), row=ROW) == {"diet": "vegan"}


def test_key_overwritten_in_place_is_read_again(keys: FormKeys, tmp_path: Path) -> None:
    """The same inode and size: the moment of the change tells."""
    (tmp_path / "other").mkdir()
    FormKeys(tmp_path / "other", [OLD]).make(FORM)
    before = keys.vault(FORM)
    (tmp_path / "a-form.key").write_bytes((tmp_path / "other" / "a-form.key").read_bytes())
    assert keys.vault(FORM) is not before


def test_new_master_key_wraps_and_old_one_still_unwraps(keys: FormKeys, tmp_path: Path) -> None:
    """Newest first: a process with both opens what was wrapped by either; one with the new alone only what it wraps."""
    both = FormKeys(tmp_path, [NEW, OLD])
    sealed = keys.vault(FORM).close({"diet": "vegan"}, row=ROW)
    assert both.vault(FORM).open(sealed, row=ROW) == {"diet": "vegan"}
    both.make("new-form")
    new = FormKeys(tmp_path, [NEW])
    new.vault("new-form")
    with pytest.raises(KeyGone):
        new.vault(FORM)


def test_key_of_another_form_under_this_name_opens_nothing(keys: FormKeys, tmp_path: Path) -> None:
    keys.make("another-form")
    (tmp_path / "another-form.key").replace(tmp_path / "a-form.key")
    with pytest.raises(KeyGone):
        keys.vault(FORM)
