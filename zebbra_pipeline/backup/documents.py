"""The model documents: whole files, also where one is saved meanwhile."""

import os
from pathlib import Path

from integrations.runtime.files import PRIVATE_FOLDER, copied
from zebbra_pipeline.backup.manifest import BackupError

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
