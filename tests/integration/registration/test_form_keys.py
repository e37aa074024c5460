"""The store of private form keys, as a folder and as a database: the same tests for both."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.registration.sealing.encryption import public_half
from services.registration.sealing.key_database import KeyDatabase
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_store import FormKeys, KeyGone, KeyState, KeyStore
from services.registration.wiring import KEYS_MIGRATIONS
from shared.db.engine import open_engine
from shared.db.readiness import newest_revision
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from shared.security.sealing import new_key
from tests.support.clients import rows
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer

FORM, OTHER = "a-form", "another-form"
OLD, NEW = new_key(), new_key()
TODAY = "2026-11-29T12:00:00+00:00"
MAKERS = 8

OpenStore = Callable[..., KeyStore]
"""Opens the one store of a test with master keys (those that wrapped it, if none are given), as another host does."""


@pytest.fixture
def databases(postgres: PostgresServer) -> FreshDatabases:
    """With an empty keys database."""
    return FreshDatabases(postgres)


@pytest.fixture(params=["folder", "database"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Every test runs on both."""
    if request.param == "folder":
        yield lambda *master_keys: KeyFolder(tmp_path, master_keys or [OLD])
        return
    databases = request.getfixturevalue("databases")
    with ExitStack() as opened:
        yield lambda *master_keys: open_database(opened, databases, "operator", master_keys)


def open_database(
    opened: ExitStack, databases: FreshDatabases, process: str, master_keys: Sequence[bytes] = ()
) -> KeyStore:
    """The keys database with the login of a process; ``opened`` closes the connections."""
    engine = open_engine(databases.of("keys", login("keys", process)), pool_size=2)
    opened.callback(engine.dispose)
    return KeyDatabase(UnitOfWork(engine, "keys"), master_keys or [OLD], newest_revision(KEYS_MIGRATIONS))


@pytest.fixture
def keys(open_store: OpenStore) -> FormKeys:
    """Of a process that has made and used the key of one form."""
    made = FormKeys(open_store())
    made.store.make(FORM)
    made.private_keys(FORM)
    return made


class TestStore:
    """The contract of both implementations of the port."""

    def test_store_is_usable(self, keys: FormKeys) -> None:
        assert keys.store.problem() == ""

    def test_key_is_unwrapped_once_while_it_is_the_same(self, keys: FormKeys) -> None:
        assert keys.private_keys(FORM) is keys.private_keys(FORM)

    def test_destroyed_key_is_forgotten_at_once_by_another_host(self, keys: FormKeys, open_store: OpenStore) -> None:
        open_store().destroy(FORM, TODAY)
        for _ in range(2):
            with pytest.raises(KeyGone):
                keys.private_keys(FORM)
        assert (keys.has(FORM), keys.store.is_destroyed(FORM)) == (False, True)

    def test_destroyed_key_is_never_made_or_put_again(self, keys: FormKeys, open_store: OpenStore) -> None:
        store, wrapped = open_store(), keys.store.wrapped(FORM)
        store.destroy(FORM, TODAY)
        store.make(FORM)
        assert store.put(FORM, wrapped) is False
        assert store.states() == [KeyState(FORM, 0, TODAY)]

    def test_tombstone_keeps_its_time(self, keys: FormKeys) -> None:
        keys.store.destroy(FORM, TODAY)
        keys.store.destroy(FORM, "2027-01-01T00:00:00+00:00")
        assert keys.store.states() == [KeyState(FORM, 0, TODAY)]

    def test_form_without_key_can_be_destroyed(self, open_store: OpenStore) -> None:
        open_store().destroy(OTHER, TODAY)
        open_store().make(OTHER)
        assert open_store().states() == [KeyState(OTHER, 0, TODAY)]

    def test_form_without_key_has_none(self, keys: FormKeys) -> None:
        with pytest.raises(KeyGone):
            keys.private_keys(OTHER)
        with pytest.raises(KeyGone):
            keys.store.begin_replacement(OTHER)
        assert (keys.has(OTHER), keys.store.is_destroyed(OTHER)) == (False, False)

    def test_key_that_is_there_is_not_made_or_put_again(self, keys: FormKeys, open_store: OpenStore) -> None:
        before = list(keys.private_keys(FORM))
        open_store().make(FORM)
        assert open_store().put(FORM, keys.store.wrapping.wrap(FORM, [new_key()])) is False
        assert keys.private_keys(FORM) == before

    def test_put_key_is_the_one_that_was_given(self, keys: FormKeys) -> None:
        key = new_key()
        assert keys.store.put(OTHER, keys.store.wrapping.wrap(OTHER, [key])) is True
        assert keys.private_keys(OTHER) == [key]

    def test_key_of_another_master_key_is_not_put(self, keys: FormKeys, open_store: OpenStore) -> None:
        with pytest.raises(KeyGone):
            keys.store.put(OTHER, open_store(NEW).wrapping.wrap(OTHER, [new_key()]))
        assert not keys.has(OTHER)

    def test_makers_at_once_make_one_key(self, open_store: OpenStore) -> None:
        stores, start = [open_store() for _ in range(MAKERS)], threading.Barrier(MAKERS)

        def make(store: KeyStore) -> list[bytes]:
            start.wait(20)
            store.make(FORM)
            return FormKeys(store).private_keys(FORM)

        with ThreadPoolExecutor(MAKERS) as pool:
            made = list(pool.map(make, stores))
        assert (made, len(made[0])) == ([made[0]] * MAKERS, 1)

    def test_replacements_at_once_make_one_new_key(self, keys: FormKeys, open_store: OpenStore) -> None:
        stores, start = [open_store() for _ in range(MAKERS)], threading.Barrier(MAKERS)

        def begin(store: KeyStore) -> list[bytes]:
            start.wait(20)
            return store.begin_replacement(FORM)

        with ThreadPoolExecutor(MAKERS) as pool:
            begun = list(pool.map(begin, stores))
        assert begun == [keys.private_keys(FORM)] * MAKERS
        assert len(begun[0]) == 2

    def test_replaced_key_is_taken_up_at_once(self, keys: FormKeys, open_store: OpenStore) -> None:
        [old] = keys.private_keys(FORM)
        other = open_store()
        both = other.begin_replacement(FORM)
        assert (keys.private_keys(FORM), both[1], other.begin_replacement(FORM)) == (both, old, both)
        other.end_replacement(FORM, [NEW, *both])
        assert keys.private_keys(FORM) == both
        other.end_replacement(FORM, both)
        assert keys.private_keys(FORM) == both[:1]

    def test_new_master_key_wraps_and_old_one_still_unwraps(self, keys: FormKeys, open_store: OpenStore) -> None:
        """Newest first: a process with both unwraps what either wrapped; one with the new alone only what it wraps."""
        both = FormKeys(open_store(NEW, OLD))
        assert both.private_keys(FORM) == keys.private_keys(FORM)
        both.store.make("new-form")
        new = FormKeys(open_store(NEW))
        assert len(new.private_keys("new-form")) == 1
        with pytest.raises(KeyGone):
            new.private_keys(FORM)
        assert [(one.form, one.keys) for one in new.store.states()] == [(FORM, 0), ("new-form", 1)]

    def test_old_master_key_may_go_once_all_keys_are_rewrapped(self, keys: FormKeys, open_store: OpenStore) -> None:
        before = keys.private_keys(FORM)
        keys.store.destroy(OTHER, TODAY)
        with pytest.raises(KeyGone, match=FORM):
            open_store(NEW).rewrap()
        assert open_store(NEW, OLD).rewrap() == 1
        assert FormKeys(open_store(NEW)).private_keys(FORM) == before
        with pytest.raises(KeyGone):
            FormKeys(open_store()).private_keys(FORM)

    def test_key_of_another_form_under_this_name_is_not_unwrapped(self, keys: FormKeys) -> None:
        with pytest.raises(KeyGone):
            keys.store.put(OTHER, keys.store.wrapped(FORM))

    def test_private_key_is_stored_wrapped_alone(self, keys: FormKeys) -> None:
        [key], stored = keys.private_keys(FORM), keys.store.wrapped(FORM)
        assert (key in stored, key.hex().encode() in stored, len(stored) > len(key)) == (False, False, True)


def test_file_that_was_overwritten_in_place_is_read_again(tmp_path: Path) -> None:
    """The inode and the size are the same: only the content differs."""
    keys = FormKeys(KeyFolder(tmp_path, [OLD]))
    keys.store.make(FORM)
    keys.private_keys(FORM)
    (tmp_path / "other").mkdir()
    other = FormKeys(KeyFolder(tmp_path / "other", [OLD]))
    other.store.make(FORM)
    (tmp_path / "a-form.key").write_bytes((tmp_path / "other" / "a-form.key").read_bytes())
    assert keys.private_keys(FORM) == other.private_keys(FORM)


FINGERPRINTS = "SELECT fingerprints FROM form_private_key WHERE form = %s"
OF_PUBLIC_KEY = "SELECT encode(substring(sha256(%s::bytea) FROM 1 FOR 16), 'hex')"


@pytest.mark.parametrize("open_store", ["database"], indirect=True)
class TestDatabase:
    """Behaviour of the database only."""

    def test_fingerprints_are_those_of_the_public_keys(self, keys: FormKeys, databases: FreshDatabases) -> None:
        """As registration's database computes them; both while the key is replaced, and of a destroyed key too."""
        both, url = keys.store.begin_replacement(FORM), databases["keys"]
        computed = [rows(url, OF_PUBLIC_KEY, public_half(key))[0][0] for key in both]
        assert rows(url, FINGERPRINTS, FORM) == [(computed,)]
        keys.store.end_replacement(FORM, both)
        keys.store.destroy(FORM, TODAY)
        assert rows(url, FINGERPRINTS, FORM) == [(computed[:1],)]

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE form_private_key SET wrapped = 'x', destroyed_at = NULL",
            "UPDATE form_private_key SET destroyed_at = now()",
            "DELETE FROM form_private_key",
        ],
    )
    def test_tombstone_is_refused_any_change(self, keys: FormKeys, databases: FreshDatabases, statement: str) -> None:
        """To the owner of the database too."""
        keys.store.destroy(FORM, TODAY)
        with pytest.raises(Exception, match="its tombstone stays"):
            rows(databases["keys"], statement)
