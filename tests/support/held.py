"""How long an answer was held back, for tests that ask an application without a server."""

import time

from flask import request

from shared.web.in_steps import BEGAN


def held_s() -> float:
    """Seconds since the first step began of the answer that just came; within ``with client:``."""
    return time.monotonic() - float(request.environ[BEGAN])
