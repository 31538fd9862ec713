"""The token store, through the service's own commands: this package never opens it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from zebbra_pipeline.backup.manifest import BackupError


def back_up_store(copy: Path) -> dict[str, Any]:
    """
    Copy the token store to the new file *copy*; return what is in it.

    Raises:
        BackupError: What the service says of a store that cannot be copied.
    """
    return _ask("backup-store", str(copy))


def check_restore(copy: Path, *, keys: Path | None, force: bool) -> dict[str, Any]:
    """
    See whether *copy* can be restored, and how many of its tokens *keys* do not read.

    Raises:
        BackupError: If it cannot, a service has the store open, or there is one already.
    """
    own = [] if keys is None else ["--keys", str(keys)]
    return _ask("check-restore", str(copy), *own, *["--force"] * force)


def restore_store(copy: Path, *, force: bool) -> dict[str, Any]:
    """
    Put *copy* in the store's place, its connections marked.

    Raises:
        BackupError: As `check_restore`.
    """
    return _ask("restore-store", str(copy), *["--force"] * force)


def _ask(*command: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 -- our own module
        [sys.executable, "-m", "oauth_service", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BackupError(said[-1] if said else f"the token store: exit status {done.returncode}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
