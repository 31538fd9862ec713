"""The read-only copy that people and BI open, built beside the old one and swapped in."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from zebbra_pipeline.warehouse.database import PRIVATE_FILE, Database, private_folder
from zebbra_pipeline.warehouse.errors import WarehouseError, WarehouseWriteError
from zebbra_pipeline.warehouse.migrations import migrate

_DRAFT = ".draft.duckdb"


def publish_copy(source: Database, published: Path, *, now: datetime) -> None:
    """
    Build a compact copy of *source* and put it in the place of *published* at one stroke.

    Who has the old copy open keeps reading it.

    Raises:
        WarehouseWriteError: If the copy cannot be written; the old one stays.
    """
    import duckdb

    draft = new_draft(published, now=now)
    try:
        source.copy_into(draft)
        _sync(draft)
        draft.replace(published)
    except (duckdb.Error, OSError) as exc:
        raise WarehouseWriteError(
            f"published copy {published}: could not be rebuilt, the old one stays: {exc}"
        ) from exc
    finally:
        _remove(draft)


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
    draft = published.with_name(f".{published.name}.{uuid4().hex}{_DRAFT}")
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


def _sync(draft: Path) -> None:
    """Bring *draft* to the disk before its name changes, so that a power cut leaves either copy."""
    draft.chmod(PRIVATE_FILE)
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def _remove(draft: Path) -> None:
    for path in (draft, draft.with_name(f"{draft.name}.wal")):
        path.unlink(missing_ok=True)
