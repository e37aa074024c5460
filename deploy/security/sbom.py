"""``python -m deploy.security.sbom FILE``: writes what runs in production as a CycloneDX document.

Read from the packages as they are installed, for their licences; what only the tests need is left out. The same
environment gives the same bytes.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from packaging.utils import canonicalize_name

from deploy.security.requirements import read_requirements
from deploy.security.statements import PROJECT

PROGRAM = Path(sys.executable).parent / "cyclonedx-py"


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def main(file: Path) -> None:
    """Write the document to FILE."""
    document = sbom()
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    click.echo(f"{file}: {len(document['components'])} packages")


def sbom(*, validate: bool = True) -> dict[str, Any]:
    """The document: each package of ``requirements.txt`` that is installed, and what depends on what.

    Args:
        validate: let the program compare what it has read with the schema of its format, which takes 12 s of CPU.

    Raises:
        CalledProcessError: the environment cannot be read.
    """
    options = ["--output-reproducible", "--pyproject", "pyproject.toml", "--of", "JSON", "--sv", "1.6"]
    command = [str(PROGRAM), "environment", *options, "--validate" if validate else "--no-validate", sys.executable]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    document: dict[str, Any] = json.loads(done.stdout)
    ours = {one.name for one in read_requirements(PROJECT / "requirements.txt")}
    document["components"] = [one for one in document["components"] if canonicalize_name(one["name"]) in ours]
    kept = {one["bom-ref"] for one in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
    document["dependencies"] = [_among(kept, one) for one in document["dependencies"] if one["ref"] in kept]
    return document


def licences(component: dict[str, Any]) -> set[str]:
    """The licences that a package declares: SPDX ids, expressions, or the classifiers of older ones."""
    entries = component.get("licenses", [])
    named = [entry.get("expression") or entry["license"].get("id") or entry["license"]["name"] for entry in entries]
    return set(named)


def _among(kept: set[str], dependency: dict[str, Any]) -> dict[str, Any]:
    """A package's line without packages that it needs only for tests."""
    needed = [ref for ref in dependency.get("dependsOn", []) if ref in kept]
    return {"ref": dependency["ref"], **({"dependsOn": needed} if needed else {})}


if __name__ == "__main__":
    main()
