"""A Docker engine for tests, the machine's or a temporary one; and images without a registry."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

BASE = "debian:13-slim"
SUITE = "trixie"
MIRROR = os.environ.get("TROIKA_DEBIAN_MIRROR", "http://deb.debian.org/debian")


def docker(*words: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints.

    Raises:
        AssertionError: it failed; with what it printed.
    """
    done = subprocess.run(
        ["docker", *words],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, f"docker {' '.join(words)}:\n{done.stdout[-4000:]}"
    return done.stdout


def inspected(kind: str, name: str) -> dict[str, Any]:
    """The engine's description of a container, image or volume."""
    (found,) = json.loads(docker(kind, "inspect", name))
    return dict(found)


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """A running engine."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        yield
        return
    log = (folder / "dockerd.log").open("wb")
    server = subprocess.Popen(["dockerd"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        poll_until(
            lambda: subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0,
            60,
            every_s=0.5,
            what=f"the Docker engine answers; see {log.name}",
        )
        yield
    finally:
        server.terminate()
        server.wait(60)
        log.close()


def has_image(name: str) -> bool:
    """Whether the engine has it."""
    return bool(docker("image", "ls", "-q", name).strip())


def make_base(folder: Path) -> None:
    """Debian from its own packages, where no registry can be asked."""
    if has_image(BASE):
        return
    archive = folder / "base.tar"
    command = ["mmdebstrap", "--variant=minbase", "--mode=root", "--quiet", SUITE, str(archive), MIRROR]
    subprocess.run([*command, *SLIM], check=True)
    docker("import", str(archive), BASE)
    archive.unlink()


SLIM = [
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
]
"""What Debian's slim images leave out too."""


def build(name: str, dockerfile: str, files: Sequence[Path], folder: Path) -> None:
    """Build an image from a text and some files."""
    place = folder / name.replace(":", "-").replace("/", "-")
    place.mkdir(parents=True, exist_ok=True)
    (place / "Dockerfile").write_text(dockerfile)
    for file in files:
        shutil.copy(file, place)
    docker("build", "--quiet", "--network=host", "-t", name, str(place))
