"""``python -m deploy.operations.person_export``: one file with everything that the three services hold about a person.

For a data-subject request (GDPR, articles 15 and 20). The services share no database and never call each other, so
the caller asks each of them: registration by address, the others by the references that it answers.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import requests

from deploy.operations.authorities import trusted_authorities

Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Asks a service for its part: its name and the body of the request; returns what it answers."""

REQUEST_TIMEOUT_S = 60.0
PATH = "/v1/person-export"


def assemble(ask: Ask, email: str, reason: str, *, with_sealed: bool) -> dict[str, Any]:
    """Return the file as JSON values.

    Args:
        ask: the function that asks a service for its part, see ``Ask``.
        email: the address of the person.
        reason: the reason, which stays in the audit log of each service and so must contain no name and no address.
        with_sealed: open sealed answers too: the key has to have the role for it, and each reading is logged.
    """
    registration = ask("registration", {"email": email, "reason": reason, "with_sealed": with_sealed})
    shared = {"reason": reason, "export_id": registration["export_id"]}
    events = ask("events", {"person_refs": registration["person_refs"], **shared})
    known_by = {name: [*registration[name], *events[name]] for name in ("person_refs", "subjects")}
    notifications = ask("notifications", {**known_by, **shared})
    return {
        "export_id": registration["export_id"],
        "made_at": registration["made_at"],
        "address": email,
        "services": {export["service"]: export for export in (registration, events, notifications)},
    }


def ask_over_http(url: str, key: str) -> Ask:
    """Return a function that queries the services of an installation at ``url`` with a coordinator's key."""

    def ask(service: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        answer = requests.post(
            f"{url}{PATH}/{service}",
            json=body,
            headers=headers,
            timeout=REQUEST_TIMEOUT_S,
            allow_redirects=False,
            verify=trusted_authorities(),
        )
        if answer.status_code != requests.codes.ok:
            raise click.ClickException(f"{service} answers {answer.status_code}: {answer.text[:500]}")
        found: Mapping[str, Any] = answer.json()
        return found

    return ask


@click.command()
@click.option("--url", required=True, help="Of the coordinators' host.")
@click.option("--key-file", type=click.Path(exists=True, path_type=Path), required=True, help="A coordinator's key.")
@click.option("--reason", required=True, help="For the audit log: no name and no address.")
@click.option("--with-sealed", is_flag=True, help="Open sealed answers; the key needs the role sealed-reader.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
def main(url: str, key_file: Path, reason: str, *, with_sealed: bool, out: Path) -> None:
    """Export everything about the owner of an address, which is read from standard input."""
    if sys.stdin.isatty():
        click.echo("The address of the person:", err=True)
    email = sys.stdin.readline().strip()
    found = assemble(
        ask_over_http(url.rstrip("/"), key_file.read_text().strip()), email, reason, with_sealed=with_sealed
    )
    out.touch(mode=0o600)
    out.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    click.echo(f"written: {out}", err=True)


if __name__ == "__main__":
    main()
