"""The read-only copy that people and BI open, built beside the old one and swapped in."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from zebbra_pipeline.warehouse.database import PRIVATE_FILE, Database, private_folder
from zebbra_pipeline.warehouse.errors import WarehouseError, WarehouseWriteError
from zebbra_pipeline.warehouse.migrations import migrate

_DRAFT = ".draft.duckdb"
_CHUNK_BYTES = 1 << 20


def publish_copy(source: Database, published: Path, *, now: datetime) -> None:
    """
    Build a compact copy of *source* and put it in the place of *published* at one stroke.

    Who has the old copy open keeps reading it.

    Raises:
        WarehouseWriteError: If the copy cannot be written; the old one stays.
    """
    draft = new_draft(published, now=now)
    with _swapped_in(draft, published):
        source.copy_into(draft)


def publish_file(source: Database, file: BinaryIO, published: Path) -> None:
    """
    Put a copy of the file of *source* in the place of *published* at one stroke.

    Takes as long as copying its bytes, however many rows they hold.

    Args:
        source: Open, so that no other program writes meanwhile.
        file: Its file, opened before it and closed after it: where a process closes a file, all
            its locks on that file are gone, DuckDB's too.
        published: As of `publish_copy`, which this is for a database in a single file.

    Raises:
        WarehouseWriteError: If the copy cannot be written; the old one stays.
    """
    private_folder(published.parent)
    draft = _draft_of(published)
    with _swapped_in(draft, published):
        source.checkpoint()
        file.seek(0)
        draft.touch(mode=PRIVATE_FILE, exist_ok=False)
        with draft.open("wb") as copy:
            shutil.copyfileobj(file, copy, _CHUNK_BYTES)


def publish_empty(published: Path, *, now: datetime) -> None:
    """
    Put an empty copy at *published* unless one has come to lie there meanwhile.

    Raises:
        WarehouseWriteError: If it cannot be written.
    """
    draft = new_draft(published, now=now)
    try:
        _sync(draft)
        with suppress(FileExistsError):
            os.link(draft, published)
    except OSError as exc:
        raise WarehouseWriteError(f"published copy {published}: could not be made: {exc}") from exc
    finally:
        _remove(draft)


def new_draft(published: Path, *, now: datetime) -> Path:
    """Make an empty warehouse beside *published*, hidden, with the newest schema."""
    private_folder(published.parent)
    draft = _draft_of(published)
    try:
        database = Database.open(draft)
        try:
            migrate(database, now=now)
        finally:
            database.close()
    except WarehouseError:
        _remove(draft)
        raise
    return draft


def sweep_drafts(published: Path) -> None:
    """Remove drafts that a killed process has left; only while nobody else publishes."""
    for draft in published.parent.glob(f".{published.name}.*{_DRAFT}*"):
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _swapped_in(draft: Path, published: Path) -> Iterator[None]:
    """Put *draft*, filled in the block, in the place of *published*; nothing of it stays else."""
    import duckdb

    try:
        yield
        _sync(draft)
        draft.replace(published)
    except (duckdb.Error, OSError) as exc:
        raise WarehouseWriteError(
            f"published copy {published}: could not be rebuilt, the old one stays: {exc}"
        ) from exc
    finally:
        _remove(draft)


def _draft_of(published: Path) -> Path:
    return published.with_name(f".{published.name}.{uuid4().hex}{_DRAFT}")


def _sync(draft: Path) -> None:
    """Bring *draft* to the disk before its name changes, so that a power cut leaves either copy."""
    draft.chmod(PRIVATE_FILE)
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def _remove(draft: Path) -> None:
    for path in (draft, draft.with_name(f"{draft.name}.wal")):
        path.unlink(missing_ok=True)
