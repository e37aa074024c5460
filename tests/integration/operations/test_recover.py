"""``troika recover``: the cheapest rehearsals, and what it refuses. All of them: `make test-recovery`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.secrets import make_secrets
from deploy.operations.recover.databases import APPLIED, SERVICES
from deploy.operations.recover.mails import read_sent
from deploy.operations.recover.people import unwritten, write_people
from deploy.operations.recover.planning import LOST, UNMAILED_LOST, Plan, PlanRefused, read_plan, write_plan
from deploy.operations.recover.settings import NEEDED, read_settings
from shared.db.roles import migrator
from shared.runtime.errors import SettingsError
from shared.security.sealing import Vault, read_keys
from tests.integration.operations.in_process_system import PRESS
from tests.recovery.rehearsal import Past, Rehearsal, make_past
from tests.support.clients import rows
from tests.support.postgres import PostgresServer

STATES = "SELECT state, recipient IS NOT NULL, count(*)::int FROM mail GROUP BY 1, 2 ORDER BY 1, 2 DESC"


@pytest.fixture(scope="module")
def past(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Made once; tests must not change it."""
    with pytest.MonkeyPatch.context() as patch:
        yield make_past(postgres, tmp_path_factory.mktemp("past"), patch)


@pytest.fixture
def rehearsal(past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """A copy of the installation that a test may break."""
    return past.again(tmp_path, monkeypatch)


def test_older_notifications_mails_no_one_twice(past: Past, rehearsal: Rehearsal, postgres: PostgresServer) -> None:
    before = sum(rehearsal.copies.values())
    rehearsal.restore({"notifications": past.first}, postgres)
    plan, applied, _took_s = rehearsal.recover()
    assert plan.mails_missing == 9
    assert applied.mails >= plan.mails_missing
    assert rows(rehearsal.installation.urls["notifications"], STATES) == [
        ("cancelled", True, 1),
        ("sent", True, 13),
        ("sent", False, 12),
        ("unknown", False, 1),
    ], "mails with links that were used have gone"
    assert sum(rehearsal.copies.values()) == before
    rehearsal.assert_recovered()


def test_older_registration_leaves_no_one_in_the_counts(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer
) -> None:
    rehearsal.restore({"registration": past.first}, postgres)
    plan = rehearsal.plan()
    assert len(plan.lost_people) == 5, "numbers 10 to 12, 14 and 15"
    assert len(plan.remove) == 6, "and 13, who was erased"
    assert (len(plan.take_back), len(plan.erase_again)) == (2, 1)
    applied = rehearsal.apply(plan)
    assert (applied.taken_back, applied.erased, applied.removed) == (2, 1, 6)
    with rehearsal.databases() as databases:
        noted = {(one.plan, one.settling) for one in databases.quarantines().values()}
        assert noted == {(plan.digest + APPLIED, False)}, "else `end` refuses: mails are marked last"
    rehearsal.end()
    rehearsal.assert_recovered()


def test_submission_that_is_lost_before_its_mail_went_is_in_the_list_of_the_lost(
    rehearsal: Rehearsal, postgres: PostgresServer, tmp_path: Path
) -> None:
    """They have a 202 and nothing else: only the mail that waits holds their address. Their link would lead nowhere."""
    before = rehearsal.stage()
    with rehearsal.system() as system:
        system.register(system.client(), 30, 31, form=PRESS)
        system.deliver()
    went = sum(rehearsal.copies.values())
    rehearsal.restore({"registration": before}, postgres)
    halted = "INSERT INTO halted_queue (queue, halted_at, reason, try_at) VALUES ('events.rollup', now(), 'bad', now())"
    rows(rehearsal.installation.urls["events"], halted)
    plan = rehearsal.plan()
    assert plan.halted == {"events.rollup": "bad"}
    assert [line for line in plan.lines() if "events.rollup is halted (bad): resume it" in line]
    assert [len(plan.write_to[reason]) for reason in (LOST, UNMAILED_LOST)] == [0, 2]
    vault = Vault(read_keys(rehearsal.installation.secrets.folder / "vault.key"))
    with rehearsal.databases() as databases:
        assert write_people(databases, vault, plan.lost_people, tmp_path / "people.jsonl") == 2
    people = [json.loads(line) for line in (tmp_path / "people.jsonl").read_text().splitlines()]
    assert all("@example.org" in one["address"] for one in people)
    assert unwritten(plan.lost_people, tmp_path / "people.jsonl") == []
    rehearsal.apply(plan)
    rehearsal.end()
    assert sum(rehearsal.copies.values()) == went, "no mail with a link that leads nowhere"
    rehearsal.assert_recovered()


def test_person_is_erased_again_although_their_registration_has_changed_since_the_restore(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer
) -> None:
    """Someone used the restored database before its quarantine began."""
    rehearsal.restore({"registration": past.first}, postgres)
    erased = rehearsal.plan().erase_again
    rows(rehearsal.installation.urls["registration"], "UPDATE registration SET revision = revision + 5")
    assert (rehearsal.plan().erase_again, len(erased)) == (erased, 1)


def test_plan_that_is_not_current_is_refused(past: Past, rehearsal: Rehearsal, postgres: PostgresServer) -> None:
    rehearsal.restore({"registration": past.second}, postgres)
    plan = rehearsal.plan()
    rows(rehearsal.installation.urls["events"], "UPDATE event SET revision = revision + 1")
    with pytest.raises(PlanRefused, match="changed since this plan was made"):
        rehearsal.apply(plan)
    with pytest.raises(PlanRefused, match="changed since this plan was made"):
        rehearsal.apply(rehearsal.plan(), frozenset({"<another@example.org>"}))


def test_nothing_is_planned_or_applied_outside_quarantine(
    past: Past, rehearsal: Rehearsal, postgres: PostgresServer
) -> None:
    with pytest.raises(PlanRefused, match="not in quarantine: registration, events, notifications"):
        rehearsal.plan()
    rehearsal.restore({"registration": past.second}, postgres)
    plan = rehearsal.plan()
    rows(rehearsal.installation.urls["events"], "DELETE FROM quarantine")
    with pytest.raises(PlanRefused, match="not in quarantine: events"):
        rehearsal.apply(plan)


def test_sent_mails_are_read_from_a_log_and_from_a_list() -> None:
    log = [
        "Nov 29 03:00:01 mx postfix/cleanup[9]: 4F1: message-id=<a-1@example.org>",
        "Nov 29 03:00:02 mx postfix/smtp[9]: 4F1: to=<participant@example.org>, status=sent",
        "<b-2@example.org>",
    ]
    assert read_sent(log) == {"<a-1@example.org>", "<b-2@example.org>"}


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ('{"registration": "a", "name": ""}\n{"registration": "b"}\n', []),
        ('{"registration": "a"}\n', ["b"]),
        ("", ["a", "b"]),
        ("no file of people\n", ["a", "b"]),
    ],
)
def test_file_of_people_is_that_of_the_plan(tmp_path: Path, content: str, missing: list[str]) -> None:
    """Another one would let names and addresses be erased that are written nowhere."""
    place = tmp_path / "people.jsonl"
    assert unwritten(["a", "b"], place) == ["a", "b"]
    place.write_text(content)
    assert unwritten(["a", "b"], place) == missing


def test_plan_is_written_to_a_separate_file(tmp_path: Path) -> None:
    """Not into a file that someone else has put there, nor through a link to one."""
    other, place = tmp_path / "other", tmp_path / "plan.json"
    other.write_text("kept")
    place.symlink_to(other)
    write_plan(Plan("digest", "2020-03-04T03:00:00+00:00", {}), place)
    assert (other.read_text(), place.is_symlink(), place.stat().st_mode & 0o777) == ("kept", False, 0o600)
    assert read_plan(place).digest == "digest"


def test_settings_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as nothing:
        read_settings({"TROIKA_UP_FOLDER": str(tmp_path)})
    assert nothing.value.problems == [NEEDED]
    with pytest.raises(SettingsError) as some:
        read_settings({"EVENTS_DATABASE_URL": "postgresql://troika_events:secret@localhost/events"})
    named = {problem.split()[0].rstrip(":") for problem in some.value.problems}
    assert named == {
        "REGISTRATION_DATABASE_URL",
        "NOTIFICATIONS_DATABASE_URL",
        "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
        "TROIKA_EVENTS_PUBLIC_KEY",
        "TROIKA_MAIL_FROM",
    }


def test_settings_of_make_up_are_read_and_nothing_is_changed(tmp_path: Path) -> None:
    """Beside running processes of other users, who enter the folder of secrets: with other rights they could not."""
    folder = tmp_path / "secrets"
    secrets = make_secrets(folder)
    folder.chmod(0o711)
    secrets.files()["TROIKA_NOTIFICATIONS_VAULT_FILE"].chmod(0o640)
    passwords = {migrator(service): "secret" for service in SERVICES}
    (folder / "databases.json").write_text(json.dumps(passwords))
    (tmp_path / "ports.json").write_text(json.dumps({"postgres": 5432}))
    before = _states(tmp_path)
    assert read_settings({"TROIKA_UP_FOLDER": str(tmp_path)}).where == "make up"
    assert _states(tmp_path) == before
    missing = secrets.files()["TROIKA_MASTER_KEY_FILE"]
    missing.unlink()
    with pytest.raises(SettingsError, match=r"master\.key: missing"):
        read_settings({"TROIKA_UP_FOLDER": str(tmp_path)})
    assert not missing.exists()


def _states(folder: Path) -> dict[Path, tuple[int, int]]:
    """Mode and time of the last change of everything below ``folder``."""
    return {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}
