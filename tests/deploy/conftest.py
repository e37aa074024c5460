"""One engine and one set of images for all tests of this folder."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.engine import docker, engine, make_base
from tests.deploy.standins import make_standins

VERSION = "test"
IMAGE, SOLVER_IMAGE = f"troika:{VERSION}", f"troika-solver:{VERSION}"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
INDEX = os.environ.get("PIP_INDEX_URL", "")


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ours, and stand-ins of the others."""
    folder = tmp_path_factory.mktemp("images")
    with engine(folder):
        make_base(folder)
        make_standins(folder)
        more = ["--secret", f"id=authorities,src={AUTHORITIES}"]
        more += ["--build-arg", f"PIP_INDEX_URL={INDEX}"] if INDEX else []
        usual = ["build", "--quiet", "--network=host", "-f", "deploy/image/Dockerfile", *more]
        docker(*usual, "-t", IMAGE, ".")
        docker(*usual, "--build-arg", "REQUIREMENTS=requirements-solver.txt", "-t", SOLVER_IMAGE, ".")
        yield


@pytest.fixture(autouse=True)
def localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below .localhost are this machine, as browsers and curl have it (RFC 6761)."""
    asked = socket.getaddrinfo

    def answer(host: Any, *others: Any, **more: Any) -> Any:
        return asked("127.0.0.1" if str(host).endswith(".localhost") else host, *others, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
