"""`Memory`: the OAuth state of a provider and its unsaved changes; `Journal`: its file."""

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from integrations.sandbox_kit.grants import AccessToken, Code, Connection, Grant, RefreshToken

_VERSION = 1
_GENERATIONS_KEPT = 20
_UNKNOWN_AFTER = timedelta(hours=6)
_Row = TypeVar("_Row")


class Table(dict[str, _Row]):
    """
    Rows of one kind by key. A row changes through `amend` only, or the change is not saved.

    Attributes:
        changed: Keys that were set, amended or deleted since they were last saved.
    """

    def __init__(self, kind: Callable[..., _Row]) -> None:
        super().__init__()
        self.kind = kind
        self.changed: set[str] = set()

    def __setitem__(self, key: str, row: _Row) -> None:
        super().__setitem__(key, row)
        self.changed.add(key)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self.changed.add(key)

    def amend(self, key: str, **values: Any) -> None:
        """Change fields of a row."""
        for name, value in values.items():
            setattr(self[key], name, value)
        self.changed.add(key)

    def drop(self, is_deleted: Callable[[_Row], bool]) -> None:
        """Delete every row for which *is_deleted* is true."""
        for key in [key for key, row in self.items() if is_deleted(row)]:
            del self[key]


class Memory:
    """
    The tables and a few single values.

    Attributes:
        signing_key: Hex key of the JWTs.
        clock_offset_s: How far the clock was moved.
        vanished: Organisations that no longer exist at the provider.
    """

    def __init__(self) -> None:
        self.signing_key = secrets.token_hex(32)
        self.clock_offset_s = 0.0
        self.vanished: list[str] = []
        self.grants = Table(Grant)
        self.connections = Table(Connection)
        self.codes = Table(Code)
        self.access_tokens = Table(AccessToken)
        self.refresh_tokens = Table(RefreshToken)
        self._saved_facts: dict[str, Any] = {}

    @classmethod
    def restored(cls, changes: Sequence[Mapping[str, Any]]) -> Self:
        """
        Return the memory that a snapshot and its later *changes* describe.

        Raises:
            ValueError: If they are of another version, or incomplete.
        """
        memory = cls()
        if not changes or changes[0].get("version") != _VERSION:
            raise ValueError("sandbox state: of another version; delete the file to start over")
        try:
            for change in changes:
                memory._apply(change)
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            raise ValueError("sandbox state: damaged; delete the file to start over") from exc
        memory.take_changes()
        return memory

    def snapshot(self) -> dict[str, Any]:
        """Return everything as JSON, and clear the list of changes."""
        self.take_changes()
        rows = {
            name: {key: _plain(row) for key, row in table.items()}
            for name, table in self._tables().items()
        }
        return {"version": _VERSION, "facts": self._facts(), "rows": rows}

    def take_changes(self) -> dict[str, Any] | None:
        """Return as JSON what has changed since the last call; a deleted row is null."""
        change: dict[str, Any] = {}
        rows = {
            name: {key: _plain(table[key]) if key in table else None for key in table.changed}
            for name, table in self._tables().items()
            if table.changed
        }
        if rows:
            change["rows"] = rows
        facts = self._facts()
        if facts != self._saved_facts:
            change["facts"] = self._saved_facts = facts
        for table in self._tables().values():
            table.changed.clear()
        return change or None

    def forget_stale(self, now: datetime) -> None:
        """Drop old rows that now give the same answers as unknown ones, to keep the memory small."""
        long_ago = now - _UNKNOWN_AFTER
        self.codes.drop(lambda code: code.expires_at < long_ago)
        self.access_tokens.drop(lambda token: token.expires_at < long_ago)
        self.refresh_tokens.drop(
            lambda token: (
                token.generation < self.grants[token.grant_id].generation - _GENERATIONS_KEPT
            )
        )

    def _tables(self) -> dict[str, Table[Any]]:
        return {
            "grants": self.grants,
            "connections": self.connections,
            "codes": self.codes,
            "access_tokens": self.access_tokens,
            "refresh_tokens": self.refresh_tokens,
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "signing_key": self.signing_key,
            "clock_offset_s": self.clock_offset_s,
            "vanished": list(self.vanished),
        }

    def _apply(self, change: Mapping[str, Any]) -> None:
        facts = change.get("facts")
        if facts is not None:
            self.signing_key = str(facts["signing_key"])
            self.clock_offset_s = float(facts["clock_offset_s"])
            self.vanished = list(facts["vanished"])
        for name, rows in change.get("rows", {}).items():
            table = self._tables()[name]
            for key, saved in rows.items():
                if saved is not None:
                    table[key] = _row(table.kind, saved)
                elif key in table:
                    del table[key]


def _plain(row: Any) -> dict[str, Any]:
    values = ((name, getattr(row, name)) for name in row.__slots__)
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values
    }


def _row(kind: Any, saved: Mapping[str, Any]) -> Any:
    times = {item.name for item in fields(kind) if item.type in {datetime, datetime | None}}
    return kind(
        **{
            name: datetime.fromisoformat(value) if name in times and value else value
            for name, value in saved.items()
        }
    )


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
