"""The commands of the demo refuse what would destroy data or cannot work, and say what to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.local.checking import StepFailed
from deploy.local.demo import claim, demo
from deploy.local.installation import Content, Installation
from deploy.local.people import load_people_once
from deploy.local.ports import HIGHEST, DemoPorts, chosen_ports
from deploy.local.secrets import Secrets
from shared.db.embedded_server import EmbeddedServer
from tests.support.ports import free_port


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data of a demo."""
    folder = tmp_path / "demo"
    (folder / "mails").mkdir(parents=True)
    monkeypatch.setenv("TROIKA_DEMO_FOLDER", str(folder))
    return folder


def test_reset_while_the_demo_runs_on_whatever_ports_deletes_nothing(folder: Path) -> None:
    with claim(folder):
        done = CliRunner().invoke(demo, ["reset"])
    assert (done.exit_code, done.output) == (
        1,
        f"The demo in {folder} is running. Stop it first: press Ctrl-C in its terminal.\n",
    )
    assert (folder / "mails").exists()


def test_second_demo_in_the_same_folder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_DEMO_PORT", str(HIGHEST))
    with claim(folder):
        done = CliRunner().invoke(demo, ["run"])
    assert (done.exit_code, done.output) == (
        1,
        f"The demo in {folder} is running. Stop it first: press Ctrl-C in its terminal.\n",
    )


def test_reset_after_the_demo_has_ended_deletes_its_data(folder: Path) -> None:
    claim(folder).close()
    done = CliRunner().invoke(demo, ["reset"])
    assert (done.exit_code, done.output, folder.exists()) == (0, "The demo's data is deleted.\n", False)


@pytest.mark.parametrize("port", ["demo", "80", "65001", "-9000", "٩٠٠٠"])
def test_port_that_cannot_be_one_is_named(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_DEMO_PORT", port)
    with pytest.raises(SystemExit, match=f"^TROIKA_DEMO_PORT={port} is not a port from 1024 to 65000.$"):
        chosen_ports()


def test_port_is_the_first_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_DEMO_PORT", "9000")
    assert chosen_ports() == DemoPorts(9000)
    monkeypatch.setenv("TROIKA_DEMO_PORT", "")
    assert chosen_ports() == DemoPorts(8000)


def test_demo_with_nothing_and_with_people_at_once_is_refused() -> None:
    done = CliRunner().invoke(demo, ["--empty", "--people", "run"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        2,
        "Error: Choose one of --empty (EMPTY=1) and --people (PEOPLE=1).",
    )


def test_people_are_loaded_once_and_a_failure_names_the_remedy(tmp_path: Path) -> None:
    """Where no one answers: a restart asks for nothing, and a failed start is not taken for a complete one."""
    secrets, server = Secrets(tmp_path, "a key"), EmbeddedServer(tmp_path / "postgres")
    installation = Installation(tmp_path, DemoPorts(free_port()), secrets, server, {}, Content.PEOPLE)
    for _ in range(2):
        with pytest.raises(StepFailed, match=r"Start again after: make demo-reset PEOPLE=1$"):
            load_people_once(installation)
    (tmp_path / "people-loaded").touch()
    load_people_once(installation)
