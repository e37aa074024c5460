"""Unencrypted or unverified connections to other machines are refused at the start, unless named insecure."""

from pathlib import Path

import pytest

from services.notifications.settings import read_settings
from shared.cli.settings import read_common
from shared.runtime.errors import SettingsError
from shared.runtime.settings import (
    SettingsEnv,
    connection_parameters,
    conninfo,
    plain_urls,
    read_database_url,
    unverified_database,
)

DATABASE = "postgresql://127.0.0.1/one"


def _environment(folder: Path, **changes: str) -> dict[str, str]:
    key, access = folder / "some.key", folder / "access.json"
    key.write_text("ab" * 32 + "\n")
    access.write_text("[]")
    (folder / "form-keys").mkdir(exist_ok=True)
    files = ("SIGNING_KEY", "PERSON_KEY", "MASTER_KEY", "NOTIFICATIONS_VAULT", "NOTIFICATIONS_KEY", "UNSUBSCRIBE_KEY")
    return {
        **{f"TROIKA_{name}_FILE": str(key) for name in files},
        "TROIKA_ACCESS_FILE": str(access),
        "TROIKA_FORM_KEYS": str(folder / "form-keys"),
        "TROIKA_NOTIFICATIONS_PUBLIC_KEY": "ab" * 32,
        "TROIKA_SIGNING_PUBLIC_KEY": "ab" * 32,
        "TROIKA_MAIL_FROM": "upr@example.org",
        "SMTP_URL": "smtp://127.0.0.1",
        "NOTIFICATIONS_DATABASE_URL": DATABASE,
        "REGISTRATION_DATABASE_URL": DATABASE,
        "TROIKA_BUS_DATABASE_URL": DATABASE,
    } | changes


REFUSED = [
    ("send", "SMTP_URL", "smtp://relay.example.org", "smtp"),
    ("consume", "TROIKA_BROKER_URL", "amqp://u:secret@127.0.0.1,amqp://u:secret@broker.example.org", "broker"),
    ("consume", "TROIKA_BUS_DATABASE_URL", "postgresql://u:secret@db.example.org/bus", "database"),
    ("consume", "NOTIFICATIONS_DATABASE_URL", "postgresql://u:secret@10.0.0.7/n?sslmode=require", "database"),
    ("send", "TROIKA_PUBLIC_URL", "http://upr.example.org", "public-url"),
]


@pytest.mark.parametrize(("process", "name", "value", "kind"), REFUSED)
def test_process_does_not_start_with_a_plain_transport(
    process: str, name: str, value: str, kind: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(process, _environment(tmp_path, **{name: value}))
    [problem] = refused.value.problems
    assert problem.split()[0].rstrip(":") == name
    assert problem.endswith(f"; or name {kind} in TROIKA_INSECURE")
    assert "secret" not in problem
    others = "smtp,broker,database,public-url,limits".replace(kind, "").replace(",,", ",")
    with pytest.raises(SettingsError):
        read_settings(process, _environment(tmp_path, **{name: value, "TROIKA_INSECURE": others}))
    read_settings(process, _environment(tmp_path, **{name: value, "TROIKA_INSECURE": f"broker, {kind}"}))


def test_counters_elsewhere_are_refused_without_encryption(tmp_path: Path) -> None:
    env = SettingsEnv("web", _environment(tmp_path, TROIKA_LIMITS_URL="redis://counters.example.org"))
    read_common(env, "registration", "web")
    with pytest.raises(SettingsError) as refused:
        env.seal()
    [problem] = refused.value.problems
    assert problem.startswith("TROIKA_LIMITS_URL: redis:// to another machine")


@pytest.mark.parametrize("url", ["memory://", "redis://127.0.0.1:6379", "rediss://counters.example.org"])
def test_counters_here_or_encrypted_are_taken(url: str, tmp_path: Path) -> None:
    env = SettingsEnv("web", _environment(tmp_path, TROIKA_LIMITS_URL=url))
    assert read_common(env, "registration", "web").limits.storage_url == url
    env.seal()


@pytest.mark.parametrize("text", ["everything", "smtp broker", "*", "true"])
def test_unknown_kind_is_refused(text: str, tmp_path: Path) -> None:
    wrong = _environment(tmp_path, TROIKA_INSECURE=text, SMTP_URL="smtp://relay.example.org")
    with pytest.raises(SettingsError, match="TROIKA_INSECURE: kinds of connection"):
        read_settings("send", wrong)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@db.example.org/one?sslmode=verify-full",
        "postgresql+psycopg://u@db.example.org/one?sslmode=verify-full&sslrootcert=system",
        "postgresql://u@localhost:5432/one",
        "postgresql://u@[::1]/one",
        "postgresql://u@127.8.9.10/one",
        "postgresql://u@/one?host=/run/postgresql",
        "postgresql://u@127.0.0.1:1,localhost:2/one",
        "postgresql:///one",
    ],
)
def test_database_on_this_machine_or_verified_is_taken(url: str) -> None:
    assert unverified_database(url, {}) == ""


@pytest.mark.parametrize(
    "url",
    [
        *(f"postgresql://u@db.example.org/one{mode}" for mode in ("", "?sslmode=require", "?sslmode=verify-ca")),
        "postgresql://u@127.0.0.1,db.example.org/one",
        "postgresql://u@/one?host=127.0.0.1:1&host=db.example.org:2",
        "postgresql://u@localhost/one?hostaddr=192.0.2.7",
        "postgresql://u@127.0.0.1.example.org/one",
        "postgresql://u@localhost@db.example.org/one",
    ],
)
def test_database_elsewhere_must_be_verified(url: str) -> None:
    assert "verify-full" in unverified_database(url, {})


def test_libpqs_variables_apply_where_the_address_gives_no_value() -> None:
    assert unverified_database("postgresql://u@db.example.org/one", {"PGSSLMODE": "verify-full"}) == ""
    assert unverified_database("postgresql:///one", {"PGHOST": "db.example.org"}) != ""


def test_plain_address_of_a_host_that_only_seems_local_is_refused() -> None:
    hosts = ("localhost.example.org", "127.0.0.1.example.org", "128.0.0.1", "localhost@example.org", "[2001:db8::1]")
    assert [host for host in hosts if not plain_urls(f"http://{host}/")] == []
    assert plain_urls("http://localhost:8000, http://127.0.0.1, http://[::1]:8000, https://example.org") == ""


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:p%40ss@first:5433,second/one?connect_timeout=3",
        "postgresql+psycopg://u:p%40ss@first:5433,second:5432/one?connect_timeout=3",
        "postgresql://u:p%40ss@/one?host=first:5433&host=second:5432&connect_timeout=3",
    ],
)
def test_several_hosts_in_each_of_the_usual_forms(text: str) -> None:
    parameters = connection_parameters(text)
    assert parameters == {
        "host": "first,second",
        "port": "5433,5432",
        "user": "u",
        "password": "p@ss",
        "dbname": "one",
        "connect_timeout": "3",
        "target_session_attrs": "read-write",
    }
    assert read_database_url(text).username == "u"
    assert "host=first,second" in conninfo(text)


def test_one_host_stays_as_it_is() -> None:
    assert connection_parameters("postgresql://u@db:5433/one") == {
        "host": "db",
        "port": 5433,
        "user": "u",
        "dbname": "one",
    }


@pytest.mark.parametrize(
    "text", ["mysql://u@h/one", "postgresql://", "postgresql://u@a,,b/one", "nonsense", "postgresql"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="required"):
        read_database_url(text)


def test_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "smtp").write_text("smtps://user:a-secret@relay.example.org\n")
    environment = _environment(tmp_path)
    del environment["SMTP_URL"]
    assert read_settings("send", environment | {"SMTP_URL_FILE": str(tmp_path / "smtp")}).smtp_url == (
        "smtps://user:a-secret@relay.example.org"
    )


def test_secret_in_a_file_and_beside_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "smtp").write_text("smtps://relay.example.org")
    with pytest.raises(SettingsError, match=r"SMTP_URL \(the mail relay\): is set, and SMTP_URL_FILE too"):
        read_settings("send", _environment(tmp_path, SMTP_URL_FILE=str(tmp_path / "smtp")))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "smtp"
    if content is not None:
        file.write_bytes(content)
    env = SettingsEnv(environment={"SMTP_URL_FILE": str(file)})
    env.str("SMTP_URL", "")
    with pytest.raises(SettingsError) as refused:
        env.seal()
    assert refused.value.problems == ["SMTP_URL_FILE: a file that can be read is required"]


def test_empty_value_is_no_value() -> None:
    env = SettingsEnv(environment={"TROIKA_METRICS_PORT": "", "TROIKA_MAIL_FROM": " "})
    assert (env.int("TROIKA_METRICS_PORT", 9), env.str("TROIKA_MAIL_FROM", "nobody")) == (9, "nobody")
    env.seal()


SECRET = "word-that-is-secret"
QUOTING = [
    ("SMTP_URL", f"smtp://user:a?{SECRET}@relay.example.org"),
    ("SMTP_URL", f"smtps://user:pass@relay.example.org:{SECRET}"),
    ("NOTIFICATIONS_DATABASE_URL", f"postgresql://u:p@db.example.org:{SECRET}/n"),
    ("TROIKA_MAIL_UNKNOWN_AFTER_S", SECRET),
    ("TROIKA_MAIL_FROM", SECRET),
    ("TROIKA_NOTIFICATIONS_VAULT_FILE", SECRET),
    ("TROIKA_METRICS_HOST", SECRET),
]


@pytest.mark.parametrize(("name", "value"), QUOTING)
def test_fault_does_not_quote_the_value(name: str, value: str, tmp_path: Path) -> None:
    """Which the errors of Python's own parsers do: of a port, of a query, of an IP address, of a file's name."""
    with pytest.raises(SettingsError) as refused:
        read_settings("send", _environment(tmp_path, **{name: value}))
    assert {problem.split()[0].rstrip(":") for problem in refused.value.problems} == {name}
    assert SECRET not in str(refused.value)
