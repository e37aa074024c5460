"""``troika access add | list | remove``: people and programs with keys, in the file that ``TROIKA_ACCESS_FILE`` names.

Web processes read the file again when it changes. The file holds the hash of a key; the key itself is printed once.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import click

from shared.http.holders import Holder, parse_holders
from shared.messaging.contracts.payloads import ROLES
from shared.runtime.ids import new_token, token_hash

LEAST_SHOWN, SHOWN = 8, 12
"""Digits of a key's hash that distinguish it from others: how many are asked for, and how many are listed."""

FILE = click.option(
    "--file",
    "file",
    envvar="TROIKA_ACCESS_FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The access file; created if it does not exist.",
)


@click.group()
def main() -> None:
    """People and programs with keys."""


@main.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given again.")
@click.option("--form", "forms", multiple=True, help="Limits the key to this form; may be given again.")
@click.option("--partner", help="Whose numbers the key shows, with the role partner.")
@click.option("--until", help="When the key expires: 2020-06-01T00:00:00Z.")
@FILE
def add(
    name: str, roles: tuple[str, ...], forms: tuple[str, ...], partner: str | None, until: str | None, file: Path
) -> None:
    """Make a key for NAME, and print it: it is shown once and stored nowhere."""
    key = new_token()
    optional = {"forms": list(forms) or None, "partner": partner, "until": until}
    row = {"name": name, "roles": list(roles), "key_sha256": token_hash(key).hex()}
    rows = _read(file)
    _write(file, [*rows, {**row, **{word: value for word, value in optional.items() if value is not None}}])
    click.echo(key)


@main.command(name="list")
@FILE
def list_all(file: Path) -> None:
    """Print each key's holder, roles and limits, with the start of the key's hash."""
    for holder in parse_holders(_read(file)):
        click.echo(_line(holder))


@main.command()
@click.argument("beginning")
@FILE
def remove(beginning: str, file: Path) -> None:
    """Remove the key whose hash begins with BEGINNING, as `list` shows it."""
    rows = _read(file)
    found = [holder for holder in parse_holders(rows) if holder.key_hash.startswith(beginning.lower())]
    if len(found) != 1 or len(beginning) < LEAST_SHOWN:
        raise click.ClickException(
            f"{len(found)} keys have a hash that begins with {beginning!r}; name one by {LEAST_SHOWN} digits or more"
        )
    _write(file, [row for row in rows if str(row["key_sha256"]).lower() != found[0].key_hash])
    click.echo(f"removed: {_line(found[0])}")


def _line(holder: Holder) -> str:
    limits = [*sorted(holder.forms or ()), *([f"until {holder.until.isoformat()}"] if holder.until else [])]
    who = f"{holder.name} ({holder.partner})" if holder.partner else holder.name
    return "  ".join([holder.key_hash[:SHOWN], who, ", ".join(sorted(holder.roles)), *limits])


def _read(file: Path) -> list[dict[str, Any]]:
    rows = json.loads(file.read_text()) if file.exists() else []
    try:
        parse_holders(rows)
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from error
    return list(rows)


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    """Replace the file at once, as its owner's: no process may read half of it."""
    try:
        parse_holders(rows)
    except ValueError as error:
        raise click.UsageError(str(error).partition(": ")[2] or str(error)) from error
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".access-")
    with os.fdopen(handle, "w") as output:
        output.write(json.dumps(rows, indent=2) + "\n")
        output.flush()
        os.fsync(output.fileno())
    Path(name).chmod(mode)
    Path(name).replace(file)


if __name__ == "__main__":
    main()
