"""The encryption keys of a running service, read again whenever their file has changed."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import SecretStr

from integrations.contracts import ConfigurationError
from integrations.runtime.keyfiles import read_keys
from integrations.runtime.settings import Settings

Keys = Sequence[SecretStr] | Callable[[], Sequence[SecretStr]]
"""Newest first; or what returns them, and the same object while they are the same."""

_Stamp = tuple[int, int, int]
_log = logging.getLogger(__name__)


class Keyring:
    """
    Returns the present keys, newest first; a key that is added counts without a restart.

    A file that cannot be read any more leaves the keys as they were.

    Raises:
        ConfigurationError: If the keys cannot be read at the start.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.encryption_key_file()
        self._stamp = _stamp(self._file)
        self._keys = settings.encryption_keys()
        if self._stamp is None:  # the file has just been made
            self._stamp = _stamp(self._file)

    def __call__(self) -> Sequence[SecretStr]:
        """Return the keys; the same object while they are the same."""
        stamp = _stamp(self._file)
        if stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keys = self._settings.encryption_keys()
            except (ConfigurationError, OSError) as exc:
                _log.error("encryption keys not read again: %s", exc)
        return self._keys

    def check(self) -> None:
        """
        See whether the key file is still there: without it the next start would make another.

        Raises:
            ConfigurationError: If it is empty, or others can read it.
            OSError: If it cannot be read.
        """
        if self._file is not None:
            read_keys(self._file)


def _stamp(file: Path | None) -> _Stamp | None:
    if file is None:
        return None
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns
