"""Keeps everything that is logged, printed or raised while a plugin is on the bench."""

import io
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

_FORMAT = logging.Formatter("%(levelname)s %(name)s: %(message)s")


class Recorder(logging.Handler):
    """Collects texts of all loggers, from DEBUG on, and what it is told of."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(_FORMAT)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record, its arguments and traceback included."""
        self._texts.append(self.format(record))
        self._texts.append(repr(record.args))

    def note(self, text: str) -> None:
        """Keep a text that a person or a log would get to see."""
        self._texts.append(text)

    def note_error(self, error: BaseException) -> None:
        """Keep an error with the chain of its causes."""
        self._texts.append("".join(traceback.format_exception(error)))
        self._texts.append(repr(error))

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self._texts)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record all logging and printing of this process."""
        root = logging.getLogger()
        level = root.level
        printed = io.StringIO()
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            with redirect_stdout(printed), redirect_stderr(printed):
                yield
        finally:
            root.setLevel(level)
            root.removeHandler(self)
            self._texts.append(printed.getvalue())
