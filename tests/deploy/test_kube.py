"""The chart's Deployments, as Helm renders them, run by `podman kube play`: each passes its own probes.

podman does the work of the kubelet alone: a network alias replaces each Service, and there is no Ingress, no
NetworkPolicy and no ``fsGroup``, so that the settings are readable for everyone in their pod here.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import requests
import yaml
from click.testing import CliRunner

from deploy.chart.secrets import main as secrets
from deploy.compose.prepare import POSTGRES, RABBITMQ, write_servers
from tests.deploy.conftest import IMAGE, SOLVER_IMAGE, VERSION
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

RELEASE, NETWORK, MARK = "troika", "troika-kube", "troika-kube=test"
PUBLIC_HOST = "register.example.org"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
THIRD_PARTY = ("caddy:2", "postgres:18", "rabbitmq:4")
VALUES: dict[str, Any] = {
    "hosts": {"public": PUBLIC_HOST, "desk": "desk.example.org"},
    "mailFrom": "upr@example.org",
    "trustedProxies": "10.0.0.0/8",
    "insecure": "database,broker,smtp",
    "image": {
        "repository": "localhost/troika",
        "solverRepository": "localhost/troika-solver",
        "tag": VERSION,
        "pullPolicy": "Never",
    },
    "postgresql": {"host": "postgres:5432"},
    "networkPolicy": {"serverNetworks": ["10.0.0.0/8"]},
    "web": {"replicas": 1, "workers": 1},
    "gateway": {"image": "localhost/caddy:2", "replicas": 1},
}


def podman(*words: str, check: bool = True) -> str:
    """What a command prints.

    Raises:
        AssertionError: it failed; with what it printed.
    """
    done = subprocess.run(
        ["podman", "--runtime", "runc", *words],
        env={**os.environ, "PODMAN_IGNORE_CGROUPSV1_WARNING": "yes", "NETAVARK_FW": "iptables"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, f"podman {' '.join(words)}:\n{done.stdout[-4000:]}"
    return done.stdout


def play(folder: Path, name: str, objects: list[dict[str, Any]], alias: str) -> None:
    """Start the pods of a manifest, reachable under ``alias``."""
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    podman("kube", "play", "--network", f"{NETWORK}:alias={alias}", str(file))


def rendered(folder: Path) -> list[dict[str, Any]]:
    """Every object of the release, the Secrets of `troika secrets` among them."""
    words = [str(folder), "--postgres", "postgres:5432", "--postgres-query", "", "--rabbitmq", "rabbitmq:5672"]
    words += ["--plain-rabbitmq", "--smtp-url", "smtp://sink:1025", "--public-url", f"https://{PUBLIC_HOST}"]
    done = CliRunner().invoke(secrets, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    with helm.Chart.load(PROJECT / "deploy" / "chart") as chart:
        texts = [*chart.render(values=VALUES, name=RELEASE, namespace=RELEASE).values()]
    texts.append((folder / "secrets.yaml").read_text())
    objects = [each for text in texts for each in yaml.safe_load_all(text) if each]
    for one in objects:
        for volume in one.get("spec", {}).get("template", {}).get("spec", {}).get("volumes", []):
            if "secret" in volume:
                volume["secret"]["defaultMode"] = 0o444
    return objects


def clean() -> None:
    """Nothing of an earlier run is left."""
    podman("pod", "rm", "--force", "--all", "--time", "2", check=False)
    podman("rm", "--force", "--time", "2", "--filter", f"label={MARK}", check=False)
    podman("network", "rm", "--force", NETWORK, check=False)
    for kind in ("secret", "volume"):
        for name in podman(kind, "ls", "--quiet", "--noheading", check=False).split():
            podman(kind, "rm", name, check=False)


def server(name: str, image: str, folder: Path, *words: str, **environment: str) -> None:
    """PostgreSQL or RabbitMQ."""
    more = [f"--env={key}={value}" for key, value in environment.items()]
    place = ["--network", f"{NETWORK}:alias={name}", "--volume", f"{folder / name}:/run/troika:ro"]
    podman("run", "--detach", "--label", MARK, "--hostname", name, *place, *more, f"localhost/{image}", *words)


@pytest.fixture
def release(images: None, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The objects of a release whose servers run and whose databases are made."""
    clean()
    archive = tmp_path / "images.tar"
    subprocess.run(["docker", "save", "-o", archive, IMAGE, SOLVER_IMAGE, *THIRD_PARTY], check=True)
    podman("load", "--quiet", "--input", str(archive))
    archive.unlink()
    podman("network", "create", NETWORK)
    try:
        objects = rendered(tmp_path)
        write_servers(tmp_path, tmp_path / "keys")
        server(POSTGRES, "postgres:18", tmp_path, "postgres", POSTGRES_PASSWORD_FILE="/run/troika/password")
        places = {"RABBITMQ_CONFIG_FILE": "rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE": "enabled_plugins"}
        server(RABBITMQ, "rabbitmq:4", tmp_path, **{key: f"/run/troika/{file}" for key, file in places.items()})
        for one in objects:
            if one["kind"] in ("Secret", "PersistentVolumeClaim"):
                play(tmp_path, one["metadata"]["name"], [one], "none")
        migrate(tmp_path, objects)
        yield objects
    finally:
        print(podman("ps", "--all", "--format", "{{.Names}} {{.Status}}", check=False))
        clean()


def migrate(folder: Path, objects: list[dict[str, Any]]) -> None:
    """What the Job does, in a container manually: podman makes no folder in the volume of a Secret."""
    (job,) = (one for one in objects if one["kind"] == "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    secrets = {one["metadata"]["name"]: one["stringData"] for one in objects if one["kind"] == "Secret"}
    settings = folder / "settings"
    for place, values in (("tools/migrate", f"{RELEASE}-migrate"), ("prepare", f"{RELEASE}-prepare")):
        for name, text in secrets[values].items():
            file = settings / place / ("keys" if name == "databases.json" else "") / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    env = [f"--env={one['name']}={one['value']}" for one in container["env"]]
    more = ["--network", NETWORK, "--volume", f"{settings}:/settings:ro", "--read-only", "--label", MARK]
    asked = ["run", "--rm", *more, *env, container["image"], *container["args"]]
    print(podman(*asked))


def _address(pod: str) -> str:
    """Its IPv4 address."""
    infra = podman("pod", "inspect", pod, "--format", "{{.InfraContainerID}}").strip()
    (found,) = json.loads(podman("inspect", infra))
    return str(found["NetworkSettings"]["Networks"][NETWORK]["IPAddress"])


def _passes(address: str, container: dict[str, Any], probe: str) -> bool:
    asked = container[probe]
    named = {one["name"]: one["containerPort"] for one in container["ports"]}
    (way,) = asked.keys() & {"httpGet", "tcpSocket"}
    port = named.get(asked[way]["port"], asked[way]["port"])
    try:
        if way == "tcpSocket":
            socket.create_connection((address, port), timeout=4).close()
            return True
        return requests.get(f"http://{address}:{port}{asked[way]['path']}", timeout=4).status_code < 400
    except OSError:
        return False


@pytest.mark.timeout(900)
def test_every_deployment_runs_and_passes_its_probes(release: list[dict[str, Any]], tmp_path: Path) -> None:
    services = {one["metadata"]["name"].removeprefix(f"{RELEASE}-") for one in release if one["kind"] == "Service"}
    maps = [one for one in release if one["kind"] == "ConfigMap"]
    deployments = {
        one["metadata"]["name"].removeprefix(f"{RELEASE}-"): one for one in release if one["kind"] == "Deployment"
    }
    assert services <= deployments.keys()
    for name, one in deployments.items():
        play(tmp_path, name, [*(maps if name == "gateway" else []), one], name)
    for name, one in deployments.items():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        address = _address(f"{RELEASE}-{name}-pod")
        probes = [probe for probe in PROBES if probe in container]
        assert len(probes) >= 2
        for probe in probes:
            asking = partial(_passes, address, container, probe)
            poll_until(asking, 120, every_s=0.5, what=f"{name} passes its {probe}")
        print(f"{name}: {', '.join(probes)} passed")
    page = requests.get(
        f"http://{_address(f'{RELEASE}-gateway-pod')}:8080/programme", headers={"Host": PUBLIC_HOST}, timeout=20
    )
    assert page.status_code == 200
