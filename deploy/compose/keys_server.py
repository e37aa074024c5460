"""The server of the keys database in `troika install` and `troika secrets`: run again, they keep what was set."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from shared.runtime.errors import SettingsError
from shared.runtime.settings import connection_parameters

KEYS_POSTGRES = click.option(
    "--keys-postgres",
    show_default="as it was set before",
    help="Host and port of a server of its own for the keys database, in place of a folder of keys.",
)
KEYS_IN_FOLDER = click.option(
    "--keys-in-folder", is_flag=True, help="Forget a keys database that was set before: the keys are in a folder."
)


def chosen_keys_server(named: str | None, known_url: str, in_folder: bool) -> str:
    """Host and port of the server of the keys database; empty for a folder.

    Args:
        named: the server that ``--keys-postgres`` names; None without the option.
        known_url: the address of the keys database in the settings that were written before; empty without one.
        in_folder: ``--keys-in-folder``.

    Raises:
        click.UsageError: both options are there, or no server is named.
    """
    if in_folder:
        if named is not None:
            raise click.UsageError("--keys-postgres and --keys-in-folder contradict each other")
        return ""
    if named is not None:
        if not named.strip():
            raise click.UsageError("--keys-postgres names no server: for a folder say --keys-in-folder")
        return named
    return _server_of(known_url.strip())


@contextmanager
def named_faults() -> Iterator[None]:
    """Convert refused settings into exit code 1 and the reasons."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _server_of(url: str) -> str:
    """Host and port in a URL, several with commas between; empty without a URL."""
    if not url:
        return ""
    known = connection_parameters(url)
    hosts, ports = str(known["host"]).split(","), str(known.get("port", "5432")).split(",")
    ports = ports if len(ports) == len(hosts) else ports * len(hosts)
    return ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
