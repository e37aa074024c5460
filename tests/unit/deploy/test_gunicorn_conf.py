"""What gunicorn's master loads before it forks, and what its workers do not load."""

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


RARE = """
import importlib, sys
for service in ("registration", "events", "notifications"):
    importlib.import_module(f"services.{service}.web")
print(*sorted({"webauthn", "xlsxwriter", "python_calamine", "flask"} & set(sys.modules)))
"""


def test_workers_load_no_library_that_few_of_them_ever_use() -> None:
    """Each takes 2 to 8 MB in every process; they are imported where they are used."""
    found = subprocess.run([sys.executable, "-c", RARE], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["flask"]
