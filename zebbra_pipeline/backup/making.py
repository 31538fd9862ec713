"""Makes a backup, while everything runs."""

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from integrations.runtime.files import PRIVATE_FOLDER, copied, sha256_of, synced
from integrations.runtime.settings import Settings
from zebbra_pipeline.backup.keys import back_up_keys, check_apart
from zebbra_pipeline.backup.manifest import (
    MODELS,
    TOKEN_STORE,
    UNFINISHED,
    WAREHOUSE,
    BackupError,
    Database,
    Manifest,
    Part,
    StoredFile,
    write_manifest,
)
from zebbra_pipeline.backup.token_store import back_up_store
from zebbra_pipeline.warehouse import Warehouse, WarehouseBackup

_TRIES = 5


def copy_documents(source: Path, target: Path) -> dict[str, str]:
    """
    Copy all files below *source* to the new folder *target*; what a link leads to is copied.

    Returns:
        The SHA-256 of each by its path in *target*; nothing where *source* does not exist.

    Raises:
        BackupError: If a file changes again and again, or is none.
        OSError: If one cannot be read or written.
    """
    found: dict[str, str] = {}
    # Kubernetes mounts a config map as links, so that links are followed; one in a circle is not.
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(source, followlinks=True):
        place = Path(parent).stat()
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        for name in sorted(names):
            path = Path(parent, name)
            relative = path.relative_to(source)
            copy = target / relative
            for folder in reversed(copy.parents):
                if folder.is_relative_to(target):
                    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            found[relative.as_posix()] = _copied_whole(path, copy)
    return found


def _copied_whole(path: Path, copy: Path) -> str:
    if not path.is_file():
        raise BackupError(
            f"{path}: expected a file among the model documents, found something else"
        )
    for _ in range(_TRIES):
        before = path.stat()
        with path.open("rb") as file:
            digest = copied(file, copy)
        after = path.stat()
        if _version(before) == _version(after):
            return digest
        copy.unlink()
    raise BackupError(f"{path}: it changes all the time; try again once it has been saved")


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """
    Give a folder to fill, which is called *target* once the block has ended well.

    A process that is killed leaves it under another name; the next backup in the same parent folder removes it.

    Raises:
        BackupError: If something is at *target* already, other than an empty folder.
    """
    _refuse_full(target)
    for parent in reversed(target.parents):
        with suppress(FileExistsError):
            parent.mkdir(mode=PRIVATE_FOLDER)
    _sweep(target.parent)
    draft = target.with_name(f".{target.name}.{uuid4().hex[:8]}{UNFINISHED}")
    draft.mkdir(mode=PRIVATE_FOLDER)
    held = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # says that a process is at work in it
        try:
            yield draft
            for folder, _, _ in os.walk(draft):
                synced(Path(folder))
            _refuse_full(target)
            draft.rename(target)
            synced(target.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    finally:
        os.close(held)


def _refuse_full(target: Path) -> None:
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise BackupError(
            f"{target}: expected a new or an empty folder; a backup overwrites nothing, so give each "
            "a name of its own"
        )


def _sweep(parent: Path) -> None:
    """Remove what killed backups have left in *parent*."""
    for left in parent.glob(f".*{UNFINISHED}"):
        try:
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(held)


_PRODUCT = "zebbra-pipeline"


def back_up(
    settings: Settings,
    folder: Path,
    *,
    keys: Path | None = None,
    without: Collection[Part] = (),
    now: datetime | None = None,
) -> tuple[Manifest, int]:
    """
    Write a backup to *folder*, complete or not at all.

    Each part is one state of itself. The token store is copied last: its tokens age fastest.

    Args:
        settings: What is backed up.
        folder: New, or empty.
        keys: Folder for the keys, apart from *folder*; they are left out by default.
        without: Parts to leave out.
        now: Timezone-aware; the present by default.

    Returns:
        The manifest, and how many connections have tokens that no present key reads.

    Raises:
        BackupError: If something cannot be backed up, or *folder* holds something.
        WarehouseError: If the warehouse cannot be read, or its turn does not come in time.
        OSError: If there is no room.
    """
    if keys is not None:
        check_apart(keys, folder)
    began = (now or datetime.now(UTC)).astimezone(UTC)
    unreadable, fingerprints = 0, tuple[str, ...]()
    warehouse = store = models = None
    with new_folder(folder) as draft:
        if Part.WAREHOUSE not in without:
            backup = WarehouseBackup(Warehouse(settings.warehouse, published=settings.published))
            facts = backup.make(draft / WAREHOUSE)
            if facts is not None:
                warehouse = Database(
                    kind=backup.kind, schema_version=facts.schema_version, rows=facts.rows
                )
        if Part.MODELS not in without:
            models = len(copy_documents(settings.models, draft / MODELS))
        if Part.TOKEN_STORE not in without:
            found = back_up_store(draft / TOKEN_STORE)
            kind = settings.oauth_database.partition(":")[0].partition("+")[0]
            store = Database(kind=kind, schema_version=found["schema_version"], rows=found["rows"])
            unreadable, fingerprints = found["unreadable_connections"], tuple(found["keys"])
        if keys is not None:
            back_up_keys(settings, keys)
        files = {
            path.relative_to(draft).as_posix(): StoredFile(
                sha256=sha256_of(path), bytes=path.stat().st_size
            )
            for path in sorted(draft.rglob("*"))
            if path.is_file()
        }
        if not files:
            raise BackupError("there is nothing to back up")
        manifest = Manifest(
            made_at=began.isoformat(timespec="seconds"),
            product=f"{_PRODUCT} {version(_PRODUCT)}",
            warehouse=warehouse,
            token_store=store,
            models=models,
            encryption_keys=fingerprints,
            files=files,
        )
        write_manifest(draft, manifest)
    return manifest, unreadable
