"""The read-only copy for people and BI: built next to the old one, checked, and swapped in."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from zebbra_pipeline.warehouse.contents import (
    Contents,
    Losses,
    count_contents,
    losses,
    read_contents,
)
from zebbra_pipeline.warehouse.database import PREVIOUS, PRIVATE_FILE, Database, private_folder
from zebbra_pipeline.warehouse.errors import (
    WarehouseDamagedError,
    WarehouseError,
    WarehouseLossError,
    WarehouseWriteError,
)
from zebbra_pipeline.warehouse.faults import (
    RESTORE,
    first_line,
    free_bytes,
    full,
    is_full,
    is_locked,
    size_of,
)
from zebbra_pipeline.warehouse.generations import DRAFT, copies, keep
from zebbra_pipeline.warehouse.migrations import migrate

_CHUNK_BYTES = 1 << 20
_DOING = "rebuild it"


def publish_copy(
    source: Database, published: Path, *, now: datetime, force: bool = False, renew: bool = False
) -> None:
    """
    Build a compact copy of *source* and replace *published* by it in one step.

    Readers that have the old copy open keep reading it.

    Args:
        source: The open warehouse.
        published: Path of the copy; the last three copies are kept next to it.
        now: Recorded as the time of the copy's migrations.
        force: Replace the copy even by one that cannot be read in full or has lost figures.
        renew: Do not keep the current copy.

    Raises:
        WarehouseDamagedError: If *source* cannot be read in full; the old copy stays.
        WarehouseLossError: If the old copy has figures that *source* has lost; it stays.
        WarehouseWriteError: If the copy cannot be written; the old one stays.
    """
    draft = new_draft(published, now=now)
    needed = size_of(published)
    with _swapped_in(draft, published, source=source, force=force, renew=renew, needed=needed):
        source.copy_into(draft)


def publish_file(
    source: Database,
    file: BinaryIO,
    published: Path,
    *,
    force: bool = False,
    renew: bool = False,
) -> None:
    """
    Replace *published* by a copy of the file of *source* in one step.

    This is `publish_copy` for a database in a single file. It takes as long as copying and
    reading its bytes once, regardless of the number of rows.

    Args:
        source: The open warehouse, so that no other program writes meanwhile.
        file: Its file, opened before *source* and closed after it: closing a file releases all
            locks that the process has on it, DuckDB's included.
        published: As for `publish_copy`.
        force: As for `publish_copy`.
        renew: As for `publish_copy`.

    Raises:
        WarehouseError: As for `publish_copy`.
    """
    private_folder(published.parent)
    draft = _draft_of(published)
    needed = os.fstat(file.fileno()).st_size
    with _swapped_in(draft, published, source=source, force=force, renew=renew, needed=needed):
        source.checkpoint()
        _check_room(draft, needed=needed)
        file.seek(0)
        draft.touch(mode=PRIVATE_FILE, exist_ok=False)
        with draft.open("wb") as copy:
            shutil.copyfileobj(file, copy, _CHUNK_BYTES)


def publish_empty(published: Path, *, now: datetime) -> None:
    """
    Create an empty copy at *published*, unless another process creates one meanwhile.

    Raises:
        WarehouseWriteError: If it cannot be written.
    """
    draft = new_draft(published, now=now)
    try:
        _sync(draft)
        with suppress(FileExistsError):
            os.link(draft, published)
    except OSError as exc:
        if published.exists():
            return  # published by another process, which has removed this draft
        raise _not_rebuilt(published, exc, needed=size_of(draft)) from exc
    finally:
        _remove(draft)


def new_draft(published: Path, *, now: datetime) -> Path:
    """Create a hidden, empty warehouse with the newest schema next to *published*."""
    private_folder(published.parent)
    draft = _draft_of(published)
    try:
        database = Database.open(draft, place=f"published copy {published}")
        try:
            migrate(database, now=now)
        finally:
            database.close()
    except WarehouseError:
        _remove(draft)
        raise
    return draft


def sweep_drafts(published: Path) -> None:
    """Remove the drafts of killed processes. Call it only while no other process publishes."""
    for draft in published.parent.glob(f".{published.name}.*{DRAFT}*"):
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _swapped_in(
    draft: Path, published: Path, *, source: Database, force: bool, renew: bool, needed: int
) -> Iterator[None]:
    """Replace *published* by *draft*, which the block fills; on failure remove the draft."""
    import duckdb

    try:
        yield
        _sync(draft)
        if not _is_known(draft, published, source=source, force=force) and not renew:
            keep(published)
        draft.replace(published)
    except (duckdb.Error, OSError) as exc:
        _remove(draft)  # before the free bytes are measured
        raise _not_rebuilt(published, exc, needed=needed) from exc
    finally:
        sweep_drafts(published)


def _is_known(draft: Path, published: Path, *, source: Database, force: bool) -> bool:
    """
    Check *draft*, and return whether *published* need not be kept.

    That is the case if there is no such copy, if it cannot be read, or if it equals the draft.

    Raises:
        WarehouseDamagedError: If *draft* cannot be read in full, unless *force*.
        WarehouseLossError: If figures are lost, unless *force*.
    """
    with closing(Database.open(draft, read_only=True, place=source.place)) as database:
        try:
            present = read_contents(database)
        except WarehouseDamagedError as exc:
            if not force:
                kept = f"; {published} stays as it is" if published.exists() else ""
                raise WarehouseDamagedError(f"{exc}{kept}") from exc
            return not published.exists()
        for path in copies(published):
            previous = _count_previous(database, path)
            if previous is None:
                continue  # an unreadable copy may be replaced; compare with the one before it
            try:
                lost = None if force else losses(database, previous, present)
            except WarehouseDamagedError:
                continue  # the previous copy: the present one has just been read
            if lost is not None:
                raise _loss(database, lost, path=path, published=published)
            return path != published or _is_equal(database, previous, present)
    return True


def _is_equal(database: Database, previous: Contents, present: Contents) -> bool:
    """Return whether the catalog `previous` is equal, or cannot be read in full."""
    if previous.rows != present.rows:
        return False  # read the values only if they may be equal
    try:
        return read_contents(database, catalog=PREVIOUS) == present
    except WarehouseDamagedError:
        return True  # not worth keeping


def _count_previous(database: Database, path: Path) -> Contents | None:
    import duckdb

    database.detach_previous()
    try:
        try:
            database.attach_previous(path)
        except duckdb.IOException as exc:
            if not is_locked(exc):
                raise
            database.attach_previous(_unlocked(path))
        return count_contents(database, catalog=PREVIOUS)
    except (WarehouseError, duckdb.Error):
        return None


def _unlocked(path: Path) -> Path:
    """Return a copy of *path*, which another program has open for writing; removed with the drafts."""
    copy = path.with_name(f".{path.name}.seen{DRAFT}")
    shutil.copyfile(path, copy)
    copy.chmod(PRIVATE_FILE)
    return copy


def _loss(database: Database, lost: Losses, *, path: Path, published: Path) -> WarehouseLossError:
    return WarehouseLossError(
        f"published copy {published}: not replaced, it would lose figures: {database.place} "
        f"has no more what {path} has of {lost}; if another file should lie there, mount its "
        f"disk; else {RESTORE}; or, to publish what is left all the same: zebbra publish --force"
    )


def _check_room(draft: Path, *, needed: int) -> None:
    free = free_bytes(draft.parent)
    if free is not None and free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _not_rebuilt(published: Path, exc: Exception, *, needed: int) -> WarehouseWriteError:
    place = f"published copy {published}"
    if is_full(exc):
        return full(place, exc, doing=_DOING, file=published, needed=needed)
    return WarehouseWriteError(
        f"{place}: could not be rebuilt, the old one stays: {first_line(exc)}"
    )


def _draft_of(published: Path) -> Path:
    return published.with_name(f".{published.name}.{uuid4().hex}{DRAFT}")


def _sync(draft: Path) -> None:
    """Sync *draft* to the disk before it is renamed, so that a power cut leaves one of the copies."""
    draft.chmod(PRIVATE_FILE)
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def _remove(draft: Path) -> None:
    for path in (draft, draft.with_name(f"{draft.name}.wal")):
        path.unlink(missing_ok=True)
