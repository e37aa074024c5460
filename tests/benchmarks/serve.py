"""``python -m tests.benchmarks.serve floor | ungrouped``: a reference behind the same gunicorn as the service."""

import os
import sys

if __name__ == "__main__":
    application = f"tests.benchmarks.{sys.argv[1]}:application()"
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", application]
    os.execv(sys.executable, command)
