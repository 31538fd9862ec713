"""Key files that are made when missing, and refused when others can read them."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

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


def _make(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a rename, fails when another process was first
        except FileExistsError:
            return
    finally:
        Path(name).unlink()
