"""A file of changes: cheap to append to, complete after a crash, readable by its owner only."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_REWRITE_AFTER_BYTES = 1_000_000


class Journal:
    """
    Keeps a snapshot and the changes since, a JSON object a line.

    A change that a crash cut off is ignored.

    Args:
        path: The file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._appended_bytes = 0
        self._snapshot_bytes = 0

    def load(self) -> list[dict[str, Any]] | None:
        """
        Return the snapshot and the changes in order; None if nothing was ever saved.

        Raises:
            ValueError: If the file holds something else.
        """
        if self.path is None or not self.path.exists():
            return None
        *lines, rest = self.path.read_bytes().split(b"\n")
        if not lines and rest:
            raise self._damaged(1)
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                change = json.loads(line)
            except ValueError as exc:
                raise self._damaged(number) from exc
            if not isinstance(change, dict):
                raise self._damaged(number)
            found.append(change)
        return found

    @property
    def is_due_for_rewrite(self) -> bool:
        """Whether the changes since the snapshot take too much space."""
        if self.path is None:
            return False
        most = max(_REWRITE_AFTER_BYTES, 2 * self._snapshot_bytes)
        return self._appended_bytes > most or not self.path.exists()

    def append(self, change: Mapping[str, Any]) -> None:
        """Add a change."""
        if self.path is None:
            return
        line = _line(change)
        with self.path.open("ab") as file:
            file.write(line)
        self._appended_bytes += len(line)

    def rewrite(self, snapshot: Mapping[str, Any]) -> None:
        """Replace everything by a snapshot, in one step."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp creates the file with mode 0600.
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                line = _line(snapshot)
                file.write(line)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._snapshot_bytes, self._appended_bytes = len(line), 0

    def _damaged(self, number: int) -> ValueError:
        return ValueError(
            f"{self.path}: line {number}: expected a JSON object; delete the file to start over"
        )


def _line(change: Mapping[str, Any]) -> bytes:
    return json.dumps(change, separators=(",", ":")).encode() + b"\n"
