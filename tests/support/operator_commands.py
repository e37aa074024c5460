"""The commands of the services' command lines, as an operator types them."""

from collections.abc import Iterator
from importlib import import_module

import click

from shared.cli.operator_command import InQuarantine, OperatorCommand, OperatorGroup

SERVICES = ("registration", "events", "notifications")


def command_line(service: str) -> OperatorGroup:
    """All commands of a service."""
    made = import_module(f"services.{service}.__main__").command_line()
    assert isinstance(made, OperatorGroup)
    return made


def declarations(group: OperatorGroup) -> dict[str, InQuarantine]:
    """What each command does in quarantine; a group that does something itself is a command too."""
    return {" ".join(words): command.in_quarantine for words, command in _commands(group, ())}


def declared(*kinds: InQuarantine) -> list[tuple[str, str]]:
    """Service and words of each command with one of these declarations."""
    return [
        (service, words)
        for service in SERVICES
        for words, found in declarations(command_line(service)).items()
        if found in kinds
    ]


def _commands(
    group: OperatorGroup, before: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], OperatorCommand | OperatorGroup]]:
    for name, command in group.commands.items():
        words = (*before, name)
        assert isinstance(command, OperatorCommand | OperatorGroup)
        if isinstance(command, OperatorGroup):
            yield from _commands(command, words)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield words, command
