"""What gunicorn's master loads before it forks."""

import subprocess
import sys

from tests.support.processes import PROJECT

LOADED = """
import runpy, sys
runpy.run_path("deploy/gunicorn.conf.py")
from prometheus_client.values import ValueClass
print("psycopg" in sys.modules, ValueClass.__name__)
"""


def test_master_loads_no_database_driver_and_shares_metrics() -> None:
    """psycopg chooses how to wait when it is imported: before a worker's patches it would stop all other requests."""
    found = subprocess.run([sys.executable, "-c", LOADED], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "MmapedValue"]
