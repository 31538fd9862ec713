"""A JSON file that is either the old state or the new one, never half of one."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class StateFile:
    """
    Keeps one JSON object, readable by its owner alone.

    Args:
        path: The file; None forgets everything.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def load(self) -> dict[str, Any] | None:
        """
        Return what was saved last; None if nothing was.

        Raises:
            ValueError: If the file holds something else than a JSON object.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except ValueError as exc:
            raise ValueError(f"{self.path}: expected JSON; delete the file to start anew") from exc
        if not isinstance(found, dict):
            raise ValueError(  # noqa: TRY004 -- the content is wrong, not the caller
                f"{self.path}: expected an object, found {type(found).__name__}; "
                "delete the file to start anew"
            )
        return found

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file in one step."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp creates the file with mode 0600.
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(state, file, separators=(",", ":"))
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
