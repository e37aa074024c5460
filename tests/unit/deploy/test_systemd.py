"""The systemd templates start every process of the shape, by a command that there is, as a user of its own."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from deploy.local.secrets import OWNERS
from deploy.shape import PROCESSES

UNITS = Path("deploy/systemd")
ALONE = {"audit", "canary"}
"""Units of one process each, which are no service's."""


def unit_of(service: str, _process: str) -> Path:
    """The template whose instance ``process`` is."""
    return UNITS / f"troika-{service}@.service"


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Values of the section ``Service`` by name; some names stand there twice."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and re.match(r"\w+=", line):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def commands_of(module: str) -> set[str]:
    """Commands of ``python -m module``."""
    made = import_module(f"{module}.__main__").command_line()
    assert isinstance(made, click.Group)
    return set(made.commands)


@pytest.mark.parametrize(("service", "process"), PROCESSES)
def test_template_starts_the_process_by_a_command_that_there_is(service: str, process: str) -> None:
    [started] = settings_of(unit_of(service, process))["ExecStart"]
    found = re.fullmatch(r"/opt/troika/\.venv/bin/python -m (services\.[\w.]+) %i", started)
    assert found is not None
    assert process in commands_of(found[1])


@pytest.mark.parametrize(("service", "process"), PROCESSES)
def test_each_process_is_a_user_of_its_own_with_settings_of_its_own(service: str, process: str) -> None:
    settings = settings_of(unit_of(service, process))
    assert settings["User"] == [f"troika-{service}-%i"]
    assert settings["RuntimeDirectory"] == [f"troika-{service}-%i"]
    assert settings["EnvironmentFile"] == [f"/etc/troika/{service}.env", f"-/etc/troika/{service}-%i.env"]


def test_there_is_no_other_unit() -> None:
    wanted = {unit_of(*process).name for process in PROCESSES} | {f"troika-{name}.service" for name in ALONE}
    assert {path.name for path in UNITS.iterdir()} == wanted


@pytest.mark.parametrize("process", ["forms", "own"])
def test_public_process_is_given_the_intake_key_alone(process: str) -> None:
    assert OWNERS["registration", process] == ("TROIKA_INTAKE_KEY_FILE",)


def test_keys_of_sealed_answers_and_of_coordinators_are_given_to_the_desk_alone() -> None:
    """Of all processes of the shape; commands of an operator run as the same user."""
    keys = {"TROIKA_MASTER_KEY_FILE", "TROIKA_FORM_KEYS"}
    holders = {place for place in PROCESSES if keys & {*OWNERS.get(place, ())}}
    assert holders == {("registration", "desk")}
    coordinators = {"TROIKA_ACCESS_FILE", "TROIKA_SIGNING_KEY_FILE"}
    holders = {place for place in PROCESSES if coordinators & {*OWNERS.get(place, ())}}
    assert holders == {("registration", "desk"), ("events", "web"), ("notifications", "web")}
