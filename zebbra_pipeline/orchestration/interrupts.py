"""Signals that end a command in good order: Ctrl-C, `kill`, and a terminal that closes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OUTPUTS = (1, 2)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """
    Raise `KeyboardInterrupt` in the block on SIGINT, SIGTERM and SIGHUP alike.

    A signal that was ignored before stays ignored: `nohup` outlives its terminal. Call it from
    the main thread.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    terminals = [number for number in _OUTPUTS if os.isatty(number)]

    def interrupt(number: int, _frame: FrameType | None) -> None:
        if before[signal.Signals(number)] is not signal.SIG_IGN:
            raise KeyboardInterrupt

    def hang_up(number: int, frame: FrameType | None) -> None:
        if before[signal.SIGHUP] is signal.SIG_IGN:
            return
        _stop_writing_to(terminals)
        # While Dagster executes a run, it has a handler of its own for SIGINT and SIGTERM.
        handler: Any = signal.getsignal(signal.SIGINT)
        (handler if callable(handler) else interrupt)(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_writing_to(terminals: list[int]) -> None:
    """Each write to a terminal that has closed would be an error of its own."""
    if terminals:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in terminals:
            os.dup2(nowhere, number)
        os.close(nowhere)
