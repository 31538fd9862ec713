"""Key files that are made when missing, and refused when others can read them."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from pydantic import SecretStr

from integrations.contracts import ConfigurationError


def generated_keys(path: Path, make: Callable[[], str]) -> tuple[SecretStr, ...]:
    """
    Return the keys in *path*, one a line; make the file with one new key if it is missing.

    Two processes that make it at once end up with the same key.

    Raises:
        ConfigurationError: If the file is empty, or group or others can read it.
    """
    if not path.exists():
        _make(path, make())
    return read_keys(path)


def read_keys(path: Path) -> tuple[SecretStr, ...]:
    """
    Return the keys in *path*, one a line.

    Raises:
        ConfigurationError: If the file is empty, or group or others can read it.
        OSError: If it cannot be read.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigurationError(
            f"{path}: this key file has mode {mode:04o}, so others can read it; "
            f"run 'chmod 600 {path}' and replace the key if it may have been read"
        )
    keys = tuple(SecretStr(line.strip()) for line in path.read_text().splitlines() if line.strip())
    if not keys:
        raise ConfigurationError(f"{path}: expected a key, found an empty file")
    return keys


def add_key(path: Path, key: str) -> None:
    """
    Put *key* before the others in *path*; whoever reads it sees the old lines or the new ones.

    The file keeps its owner, so root may add a key for a service that runs as another user.
    Two processes that add a key at once both succeed.
    """
    with FileLock(path.with_name(f".{path.name}.lock"), mode=0o600):
        owner = path.stat()
        name = _written(path, f"{key}\n{path.read_text()}")
        try:
            if os.geteuid() == 0:
                os.chown(name, owner.st_uid, owner.st_gid)
            name.replace(path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _make(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = _written(path, f"{key}\n")
    try:
        os.link(name, path)  # unlike a rename, fails when another process was first
    except FileExistsError:
        return
    finally:
        name.unlink()


def _written(path: Path, content: str) -> Path:
    """Write a file of mode 0600 beside *path*, down to the disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)
