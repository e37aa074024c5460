"""Keeps a web process from its work until its keys are those of the database."""

import logging
import time
from collections.abc import Callable
from threading import Lock

from flask import Flask, request

from shared.core.errors import Unavailable
from shared.store.key_checks import KeyChecks

log = logging.getLogger(__name__)

AGAIN_S = 1.0
LOG_EVERY_S = 60.0


class KeyGate:
    """Compares the keys with the first request, and then never again: they do not change while the process runs.

    Args:
        keys: of the process.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(self, keys: KeyChecks, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._monotonic, self._lock = keys, monotonic, Lock()
        self._fit = False
        self._again_at_s = self._log_at_s = float("-inf")

    def require_fit(self) -> None:
        """Do nothing if all keys fit.

        Raises:
            Unavailable: a key is not the database's, or nobody could be asked.
        """
        if self._fit:
            return
        with self._lock:
            if not self._fit and self._monotonic() >= self._again_at_s:
                self._again_at_s = self._monotonic() + AGAIN_S
                self._fit = self._compare()
            if not self._fit:
                raise Unavailable("keys do not fit")

    def _compare(self) -> bool:
        faults = self._keys.faults()
        if faults and self._monotonic() >= self._log_at_s:
            self._log_at_s = self._monotonic() + LOG_EVERY_S
            for name in faults:
                log.error("a key is not the key of this database: every request is refused", extra={"key": name})
        return not faults


def require_keys(app: Flask, service: str, keys: KeyChecks) -> None:
    """Refuse every request of ``app`` but those of probes while a key does not fit."""
    gate, probes = KeyGate(keys), f"/-/{service}/"

    @app.before_request
    def refuse_with_another_key() -> None:
        if not request.path.startswith(probes):
            gate.require_fit()
