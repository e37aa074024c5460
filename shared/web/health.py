"""What probes and Prometheus ask: alive, ready, which version, how it has been."""

import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from shared.core.metrics import build_info
from shared.web.access import public


def health_blueprint(service: str, ready: Callable[[], bool]) -> Blueprint:
    """Routes below ``/-/<service>/`` (and below ``/-/`` where the service stands alone)."""
    blueprint = Blueprint(f"{service}-health", __name__, url_prefix=f"/-/{service}")
    build_info.labels(service, running_version()).set(1)

    @blueprint.get("/livez")
    @public
    def livez() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @blueprint.get("/readyz")
    @public
    def readyz() -> Response:
        well = ready()
        return Response("ok\n" if well else "not ready\n", status=200 if well else 503, mimetype="text/plain")

    @blueprint.get("/version")
    @public
    def show_version() -> Response:
        return jsonify(service=service, version=running_version())

    @blueprint.get("/metrics")
    @public
    def metrics() -> Response:
        registry: CollectorRegistry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def running_version() -> str:
    """The version that runs: of the installed package, or of the tree it runs from."""
    try:
        return version("troika")
    except PackageNotFoundError:
        return os.environ.get("TROIKA_VERSION", "0.1.0")
