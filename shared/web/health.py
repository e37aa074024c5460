"""What probes and Prometheus ask: alive, ready, which version, how it has been."""

import os
from collections.abc import Callable, Sequence

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.exceptions import NotFound

from shared.core.metrics import build_info
from shared.core.version import running_version
from shared.web.access import holder_if_any, public


def health_blueprint(service: str, ready: Callable[[], Sequence[str]]) -> Blueprint:
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
        problems = ready()
        lines = ["not ready", *problems] if problems else ["ok"]
        return Response("\n".join([*lines, ""]), status=503 if problems else 200, mimetype="text/plain")

    @blueprint.get("/version")
    @public
    def show_version() -> Response:
        return jsonify(service=service, version=running_version())

    @blueprint.get("/metrics")
    @public
    def metrics() -> Response:
        if not _from_this_machine() and holder_if_any("operator") is None:
            raise NotFound
        registry: CollectorRegistry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def _from_this_machine() -> bool:
    """Whether Prometheus asks directly, not somebody through a gateway.

    Figures tell more than they seem to: who submits an address and sees which counter moves learns whether it was
    registered. From elsewhere an operator's key is needed.
    """
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"))
    return request.remote_addr in ("127.0.0.1", "::1") and not forwarded
