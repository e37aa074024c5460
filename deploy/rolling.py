"""Restarts without a gap: a web worker that is told to stop goes on until those that take its place can answer.

gunicorn tells the old workers to stop as it forks the new ones, seconds before these have started. Meanwhile nobody
would accept anything, and whoever came would wait in the socket's queue, which is short on purpose.
"""

import mmap
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import gevent
from gunicorn.util import write_nonblock
from gunicorn.workers.ggevent import GeventWorker

from deploy.discreet import refusal, status_of
from shared.core.logs import describe

SLOTS = 4096
"""Workers of one start that are told apart: many more than there can be at once."""

LONGEST_S = 20.0
"""A worker that does not start in this time is not waited for; less than gunicorn's own patience with the old ones."""

LOOK_EVERY_S = 0.05


class Generations:
    """Which workers have been forked, and which of them can answer; in memory that all processes share."""

    def __init__(self) -> None:
        self._newest = mmap.mmap(-1, 8)
        self._settled = mmap.mmap(-1, SLOTS)

    def forked(self, age: int) -> None:
        """gunicorn is about to fork its worker number ``age``. Called in the one process that forks."""
        self._settled[age % SLOTS] = 0
        self._newest[:8] = age.to_bytes(8, "little")

    def settled(self, age: int) -> None:
        """It can answer now, or it has ended: nobody needs to wait for it."""
        self._settled[age % SLOTS] = 1

    def younger_ones_start(self, age: int) -> bool:
        """Whether a worker younger than ``age`` cannot answer yet."""
        newest = int.from_bytes(self._newest[:8], "little")
        return any(self._settled[number % SLOTS] == 0 for number in range(age + 1, newest + 1))


class RollingWorker(GeventWorker):
    """gunicorn's worker that leaves when it is not needed any more.

    ``generations`` is set before it is forked (deploy/gunicorn.conf.py).
    """

    generations: Generations

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: BaseException) -> None:
        """A request that gunicorn could not read, or that failed outside of the application."""
        status = status_of(exc)
        if status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.NOT_IMPLEMENTED:
            self.log.warning("request refused: %s", type(exc).__name__)
        else:
            self.log.error("request failed: %s", describe(exc))
        with suppress(OSError):
            write_nonblock(client, refusal(status))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: of a restart or of the end. At the end there are no younger ones, and nothing is waited for."""
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        with gevent.Timeout(LONGEST_S, False):
            while self.generations.younger_ones_start(self.age):
                gevent.sleep(LOOK_EVERY_S)
        self.alive = False
