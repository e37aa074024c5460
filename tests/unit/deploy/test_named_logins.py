"""External databases: the owner migrates, and each process uses its own login if its password is given."""

import json
from pathlib import Path

import pytest

from deploy.servers.logins import LOGINS
from deploy.shape import SERVICES
from deploy.up.servers import LOGINS_VARIABLE, named_logins, named_url

NAMED = "postgresql+psycopg://owner:word@database.example.org:5433/events"


def test_each_process_gets_its_login_and_migrate_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {name: f"word of {name}" for service in SERVICES for name in LOGINS[service]}
    file = tmp_path / "logins.json"
    file.write_text(json.dumps(given))
    monkeypatch.setenv(LOGINS_VARIABLE, str(file))
    logins = named_logins()
    assert named_url(NAMED, logins, "events", "migrate") == NAMED
    assert named_url(NAMED, logins, "events", "web") == (
        "postgresql+psycopg://troika_events_web:word of troika_events_web@database.example.org:5433/events"
    )
    file.write_text(json.dumps({name: word for name, word in given.items() if name != "troika_events_web"}))
    with pytest.raises(ValueError, match="no password for troika_events_web"):
        named_logins()


def test_without_a_file_all_use_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LOGINS_VARIABLE, raising=False)
    assert named_logins() == {}
    assert named_url(NAMED, {}, "events", "web") == NAMED
