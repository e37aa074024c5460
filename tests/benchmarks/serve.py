"""``python -m tests.benchmarks.serve floor | ungrouped | unheld | plain_pages``: a reference behind gunicorn."""

import os
import sys

SERVER = {"floor": ("--worker-class", "gthread", "--threads", "64"), "ungrouped": (), "unheld": (), "plain_pages": ()}
"""The floor is what anybody would write: threads and a pool. The others are the service without its group, without its
steps, and pages that are constants."""

if __name__ == "__main__":
    application = f"tests.benchmarks.{sys.argv[1]}:application()"
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", *SERVER[sys.argv[1]], application]
    os.execv(sys.executable, command)
