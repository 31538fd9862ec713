"""Passes log lines of a run to a callback, to show progress."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from integrations.contracts.display import printable

FETCHING = "zebbra_pipeline.ingest.run"
"""Logger of the outcome of each workspace."""

WAITING = "integrations.runtime.breaker"
"""Logger of provider outages: waiting, probes and recovery."""

HELD_UP = "zebbra_pipeline.ingest.locks"
"""Logger of a workspace that waits for another run."""

OPEN_ELSEWHERE = "zebbra_pipeline.warehouse.presence"
"""Logger of the wait for another program that has the warehouse open."""


@contextmanager
def lines_of(*loggers: str, show: Callable[[str], None]) -> Iterator[None]:
    """Pass the messages of *loggers*, at INFO and above, to *show* during the block."""
    handler = _Handler(show)
    found = [logging.getLogger(name) for name in loggers]
    for logger in found:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger in found:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(printable(record.getMessage()))
