"""Which secrets each process of registration reads: public ones read none that decrypts anything."""

from pathlib import Path

import pytest

from services.registration.settings import RegistrationSettings, read_settings
from shared.runtime.errors import SettingsError

NAMES = ("intake", "decider", "person", "master")
KEYS = {name: bytes([number]) * 32 for number, name in enumerate((*NAMES, "registration"), 1)}
PUBLIC_KEYS = {"notifications": b"n" * 32, "events": b"e" * 32}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret is set, needed or not."""
    for name, key in KEYS.items():
        (tmp_path / f"{name}.key").write_text(key.hex() + "\n")
        monkeypatch.setenv(f"TROIKA_{name.upper()}_KEY_FILE", str(tmp_path / f"{name}.key"))
    (tmp_path / "signing.key").write_text("cd" * 32 + "\n")
    (tmp_path / "access.json").write_text("[]")
    (tmp_path / "form-keys").mkdir()
    for variable, value in {
        "REGISTRATION_DATABASE_URL": "postgresql://127.0.0.1/registration",
        "TROIKA_BUS_DATABASE_URL": "postgresql://127.0.0.1/bus",
        "TROIKA_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
        "TROIKA_ACCESS_FILE": str(tmp_path / "access.json"),
        "TROIKA_FORM_KEYS": str(tmp_path / "form-keys"),
        **{f"TROIKA_{name.upper()}_PUBLIC_KEY": key.hex() for name, key in PUBLIC_KEYS.items()},
    }.items():
        monkeypatch.setenv(variable, value)


def held(settings: RegistrationSettings) -> set[str]:
    """Names of the keys that a process has read."""
    read = {name for name in NAMES if getattr(settings, f"{name}_keys")}
    read |= {"private"} if settings.private_keys else set()
    return read | {name for name in PUBLIC_KEYS if getattr(settings, f"{name}_key")}


@pytest.mark.parametrize(
    ("process", "keys"),
    [
        ("forms", {"intake"}),
        ("own", {"intake"}),
        ("desk", {"person", "master", "notifications", "events"}),
        ("decide", {"decider", "person", "notifications", "events"}),
        ("relay", set()),
        ("consume", {"private"}),
        ("tend", {"notifications", "events"}),
        ("web", {"intake", "person", "master", "notifications", "events"}),
        ("work", {"decider", "person", "private", "notifications", "events"}),
        ("operator", {"master"}),
    ],
)
@pytest.mark.usefixtures("environment")
def test_process_reads_its_own_keys_and_no_others(process: str, keys: set[str]) -> None:
    assert held(read_settings(process)) == keys


@pytest.mark.usefixtures("environment")
def test_decider_does_not_hold_the_keys_of_sealed_answers() -> None:
    settings = read_settings("decide")
    assert (settings.master_keys, settings.form_keys_folder) == ((), Path())
    assert settings.decider_keys == (KEYS["decider"],)


@pytest.mark.parametrize("process", ["web", "decide"])
@pytest.mark.usefixtures("environment")
def test_keys_are_not_in_the_representation(process: str) -> None:
    shown = repr(read_settings(process))
    assert [name for name, key in KEYS.items() if repr(key)[2:-1] in shown or key.hex() in shown] == []


@pytest.mark.usefixtures("environment")
def test_error_names_each_setting_with_its_purpose_and_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is missing and of what is wrong, in one error, without the values."""
    monkeypatch.delenv("TROIKA_DECIDER_KEY_FILE")
    monkeypatch.setenv("TROIKA_PERSON_KEY_FILE", "not-there.key")
    monkeypatch.setenv("TROIKA_METRICS_PORT", "many")
    with pytest.raises(SettingsError) as refused:
        read_settings("decide")
    assert str(refused.value).splitlines() == [
        "TROIKA_METRICS_PORT: Not a valid integer.",
        "TROIKA_DECIDER_KEY_FILE (decrypts submissions): is required, and not set",
        "TROIKA_PERSON_KEY_FILE (turns an address into the reference that others may see): "
        "cannot be read: No such file or directory",
        "The settings are described in docs/reference/settings.md",
    ]


KEYS_URL = "TROIKA_KEYS_DATABASE_URL"


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("process", ["desk", "web", "operator", "migrate"])
def test_keys_database_takes_the_place_of_the_folder(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TROIKA_FORM_KEYS")
    monkeypatch.setenv(KEYS_URL, "postgresql://127.0.0.1/keys")
    settings = read_settings(process)
    assert (settings.keys_database_url, settings.form_keys_folder) == ("postgresql://127.0.0.1/keys", Path())


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("process", ["forms", "own", "decide", "relay", "consume", "tend", "work"])
def test_process_that_opens_no_answers_has_no_keys_database_setting(
    process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_URL, "postgresql://127.0.0.1/keys")
    assert read_settings(process).keys_database_url == ""


@pytest.mark.usefixtures("environment")
def test_folder_and_keys_database_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_URL, "postgresql://127.0.0.1/keys")
    with pytest.raises(SettingsError) as refused:
        read_settings("desk")
    assert refused.value.problems == [
        f"{KEYS_URL}: is set, and TROIKA_FORM_KEYS too: keys are in one of them (keys copy)"
    ]


@pytest.mark.usefixtures("environment")
def test_one_of_them_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TROIKA_FORM_KEYS")
    with pytest.raises(SettingsError) as refused:
        read_settings("desk")
    assert refused.value.problems == [
        "TROIKA_FORM_KEYS (folder of the wrapped private keys of forms): is required, and not set"
    ]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1/registration",
        "postgresql://troika_keys_desk:x@127.0.0.1:5432/registration",
        "postgresql://127.0.0.1:5432,127.0.0.1:5433/registration",
    ],
)
def test_keys_database_is_not_that_of_registration(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TROIKA_FORM_KEYS")
    monkeypatch.setenv(KEYS_URL, url)
    with pytest.raises(SettingsError) as refused:
        read_settings("desk")
    assert refused.value.problems == [f"{KEYS_URL}: is registration's own: a backup of one must not hold the other"]


@pytest.mark.usefixtures("environment")
def test_console_has_a_host_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_PUBLIC_URL", "https://register.example.org")
    monkeypatch.setenv("TROIKA_CONSOLE_URL", "https://Register.example.org:8443")
    with pytest.raises(SettingsError, match="TROIKA_CONSOLE_URL: its host is that of TROIKA_PUBLIC_URL"):
        read_settings("desk")
