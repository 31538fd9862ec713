"""A folder that comes to be complete or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from integrations.runtime.files import PRIVATE_FOLDER, synced
from zebbra_pipeline.backup.manifest import UNFINISHED, BackupError


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
