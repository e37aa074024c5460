"""What a web process shows to Prometheus."""

from flask import Flask

from shared.http.app import health_blueprint
from shared.runtime.deployment import read_monitors


def test_prometheus_in_another_container_gets_figures() -> None:
    """Others are refused in ``tests/integration/registration/test_guards.py``."""
    app = Flask("events")
    app.register_blueprint(health_blueprint("events", list, read_monitors("10.0.0.0/8")))
    answer = app.test_client().get("/-/events/metrics", environ_base={"REMOTE_ADDR": "10.1.2.3"})
    assert (answer.status_code, "troika_build_info" in answer.text) == (200, True)
