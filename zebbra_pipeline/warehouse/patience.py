"""Waiting for another program that has the warehouse open, which is named at once."""

import logging
import time

from zebbra_pipeline.warehouse.locks import Deadline

_log = logging.getLogger(__name__)
_TOLD_AFTER_S = 0.5
"""Another program that has the file open for longer is named in the log."""


class Patience:
    """Waits for another program that has the file open, and names it in the log, once."""

    def __init__(self, deadline: Deadline, target: str) -> None:
        self._deadline = deadline
        self._target = target
        self._began = time.monotonic()
        self._told = False

    def __call__(self, holder: str) -> bool:
        if not self._told and time.monotonic() - self._began >= _TOLD_AFTER_S:
            self._told = True
            _log.warning(
                "waiting for another program that has warehouse %s open: %s; close it, or this "
                "gives up in %.0f s",
                self._target,
                holder,
                self._deadline.left_s,
            )
        return self._deadline.pause()
