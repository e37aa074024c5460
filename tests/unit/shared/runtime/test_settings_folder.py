"""Settings that are files in a folder."""

from pathlib import Path

import pytest

from shared.runtime.errors import SettingsError
from shared.runtime.settings import SettingsEnv


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As a container has it, with what Kubernetes adds to a mounted secret."""
    for name, content in {
        "TROIKA_PUBLIC_URL": "https://register.example.org\n",
        "TROIKA_BROKER_URL": "amqps://nobody@mq.example.org/v",
        "relay/TROIKA_BROKER_URL": "amqps://relay@mq.example.org/v",
        "decide/TROIKA_DECIDER_KEY_FILE": "ab" * 32,
        "operator/TROIKA_FORM_KEYS/a-form": "wrapped",
        "..data/TROIKA_PUBLIC_URL": "https://other.example.org",
        "README": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def value(folder: Path, name: str, process: str = "") -> str:
    """What a process reads."""
    return SettingsEnv(process, {"TROIKA_SETTINGS": str(folder)}).str(name, "")


def test_file_is_the_setting_of_its_name(folder: Path) -> None:
    assert value(folder, "TROIKA_PUBLIC_URL") == "https://register.example.org"


@pytest.mark.parametrize(("process", "login"), [("relay", "relay"), ("decide", "nobody"), ("", "nobody")])
def test_own_setting_of_a_process_counts_first(folder: Path, process: str, login: str) -> None:
    assert value(folder, "TROIKA_BROKER_URL", process) == f"amqps://{login}@mq.example.org/v"


def test_path_is_the_setting_where_the_setting_is_a_path(folder: Path) -> None:
    assert Path(value(folder, "TROIKA_DECIDER_KEY_FILE", "decide")).read_text() == "ab" * 32
    assert value(folder, "TROIKA_FORM_KEYS", "operator") == str(folder / "operator" / "TROIKA_FORM_KEYS")


def test_no_one_reads_what_another_process_has(folder: Path) -> None:
    assert value(folder, "TROIKA_DECIDER_KEY_FILE", "relay") == ""


def test_text_of_a_setting_may_be_in_a_file_that_a_file_names(folder: Path) -> None:
    (folder / "SMTP_URL_FILE").write_text("smtps://mail.example.org\n")
    assert value(folder, "SMTP_URL") == "smtps://mail.example.org"


@pytest.mark.parametrize("environment", [{"TROIKA_PUBLIC_URL": "https://elsewhere.example.org"}, {}])
def test_setting_in_both_places_or_in_no_folder_is_a_fault(folder: Path, environment: dict[str, str]) -> None:
    place = folder if environment else folder / "missing"
    env = SettingsEnv(environment={"TROIKA_SETTINGS": str(place), **environment})
    with pytest.raises(SettingsError) as caught:
        env.seal()
    (fault,) = caught.value.problems
    assert fault.startswith("TROIKA_PUBLIC_URL: is set" if environment else "TROIKA_SETTINGS: a folder")
