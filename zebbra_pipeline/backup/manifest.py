"""What is in a backup: its files with their hashes, and how many rows of which workspace."""

import json
import os
import stat
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from integrations.runtime.files import PRIVATE_FILE, sha256_of

FORMAT = 1
NAME = "manifest.json"
UNFINISHED = ".zebbra-unfinished"
"""What the name of a folder ends in that is being written, or was left by a killed process."""
WAREHOUSE, TOKEN_STORE, MODELS = "warehouse.duckdb", "oauth.sqlite", "models"
_SHOWN = 3


class BackupError(Exception):
    """A backup cannot be made, or not be restored; the text says why and what to do."""


class Part(StrEnum):
    """What a backup has, apart from keys."""

    WAREHOUSE = "warehouse"
    TOKEN_STORE = "token-store"  # noqa: S105 -- a part's name
    MODELS = "models"


class StoredFile(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int


class Database(BaseModel):
    """
    A database of a backup.

    Attributes:
        kind: What it was where it was backed up: `duckdb`, `ducklake`, `sqlite` or `postgresql`.
        schema_version: Number of the last migration that it had.
        rows: How many, by workspace and table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    schema_version: int
    rows: Mapping[str, Mapping[str, int]]


class Manifest(BaseModel):
    """
    The file `manifest.json` of a backup.

    Attributes:
        format: Of this file and the folder, counted from 1.
        made_at: When the backup was begun, ISO 8601 in UTC.
        product: Name and version of what made it.
        warehouse: None if it was left out, or nothing had landed.
        token_store: None if it was left out.
        models: How many model documents; None if they were left out.
        encryption_keys: Fingerprints of the keys that were in use, newest first.
        files: By path in the folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    made_at: str
    product: str
    warehouse: Database | None = None
    token_store: Database | None = None
    models: int | None = None
    encryption_keys: tuple[str, ...] = ()
    files: Mapping[str, StoredFile] = Field(default_factory=dict)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it into *folder*, down to the disk."""
    descriptor = os.open(folder / NAME, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # Only ASCII: the name of a file need not be text.
        json.dump(manifest.model_dump(mode="python"), file, indent=2, ensure_ascii=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def verified(folder: Path) -> Manifest:
    """
    Return the manifest of *folder* once each of its files is what the manifest says.

    Raises:
        BackupError: If it is no whole backup, or its format is of a newer release.
    """
    manifest = _read(folder)
    found = dict(_files(folder))
    missing, unknown = manifest.files.keys() - found.keys(), found.keys() - manifest.files.keys()
    if missing:
        raise BackupError(f"{folder}: this backup is not whole: {_listed(missing)} missing")
    if unknown:
        raise BackupError(
            f"{folder}: this backup holds what its manifest does not name: {_listed(unknown)}"
        )
    for name, stored in manifest.files.items():
        path = found[name]
        if path.stat().st_size != stored.bytes or sha256_of(path) != stored.sha256:
            raise BackupError(
                f"{folder}: {name!r} is not as it was backed up (its SHA-256 differs); use another "
                "backup"
            )
    return manifest


def _read(folder: Path) -> Manifest:
    if folder.name.endswith(UNFINISHED):
        raise BackupError(f"{folder}: this backup was not finished; use another one")
    try:
        content: Any = json.loads((folder / NAME).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BackupError(
            f"{folder}: expected a folder that 'zebbra backup' has made, found no {NAME} in it"
        ) from None
    except (OSError, ValueError) as exc:
        raise BackupError(f"{folder / NAME}: cannot be read: {type(exc).__name__}") from exc
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise BackupError(
            f"{folder}: a newer release made this backup (format {version}; this one knows "
            f"{FORMAT}); restore with that release"
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as exc:
        fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
        raise BackupError(f"{folder / NAME}: malformed: {', '.join(fields[:_SHOWN])}") from None
    for name in manifest.files:
        path = PurePosixPath(name)
        known = name in {WAREHOUSE, TOKEN_STORE} or (
            len(path.parts) > 1 and path.parts[0] == MODELS
        )
        if path.is_absolute() or ".." in path.parts or str(path) != name or not known:
            raise BackupError(f"{folder / NAME}: malformed: a file called {name!r}")
    for name, wanted in ((WAREHOUSE, manifest.warehouse), (TOKEN_STORE, manifest.token_store)):
        if (wanted is None) == (name in manifest.files):
            raise BackupError(f"{folder / NAME}: malformed: {name} is named once of two times")
    return manifest


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return all files by their path in *folder*; anything but files and folders is refused."""
    found = []
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                found.append((path.relative_to(folder).as_posix(), path))
            elif not stat.S_ISDIR(mode):
                raise BackupError(
                    f"{folder}: expected files and folders alone, found {str(path)!r}"
                )
    return [(name, path) for name, path in found if name != NAME]


def _listed(names: "set[str] | frozenset[str]") -> str:
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, shown)) + more
