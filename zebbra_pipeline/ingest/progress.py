"""Shows people the progress of a run while it goes on: lines that are logged at INFO."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from integrations.contracts.display import printable

FETCHING = "zebbra_pipeline.ingest.run"
"""Logger of what came of each workspace."""

WAITING = "integrations.runtime.breaker"
"""Logger of a provider that is down, is waited for, and is back."""

HELD_UP = "zebbra_pipeline.ingest.locks"
"""Logger of a workspace that waits until another run has pulled it."""

OPEN_ELSEWHERE = "zebbra_pipeline.warehouse.presence"
"""Logger of a warehouse that another program has open."""


@contextmanager
def lines_of(*loggers: str, show: Callable[[str], None]) -> Iterator[None]:
    """Pass what these loggers log at INFO and above to *show* while the block runs."""
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
