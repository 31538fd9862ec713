"""Who pulls which workspace: one lock for each, beside the warehouse or by number in PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from zebbra_pipeline.warehouse.database import PRIVATE_FILE, private_folder
from zebbra_pipeline.warehouse.errors import WarehouseBusyError

_63_BITS = (1 << 63) - 1


@contextmanager
def held_by_file(warehouse: Path, workspace_id: str) -> Iterator[None]:
    """
    Hold the workspace's lock file beside *warehouse*; the file stays, empty.

    Raises:
        WarehouseBusyError: If another has it; nothing is waited for.
    """
    folder = warehouse.with_name(f"{warehouse.name}.pulls")
    private_folder(warehouse.parent)
    private_folder(folder)
    # Not thread-local: it is given back in another thread than it was taken in.
    path = folder / f"{workspace_id}.lock"
    lock = FileLock(path, timeout=0, mode=PRIVATE_FILE, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise WarehouseBusyError(f"workspace {workspace_id!r} is being pulled") from None
    try:
        yield
    finally:
        lock.release()


def any_held(warehouse: Path) -> bool:
    """Return whether any workspace is being pulled into *warehouse*, a file."""
    folder = warehouse.with_name(f"{warehouse.name}.pulls")
    for path in sorted(folder.glob("*.lock")):
        lock = FileLock(path, timeout=0, mode=PRIVATE_FILE, thread_local=False)
        try:
            with lock:
                continue
        except Timeout:
            return True
    return False


def number_of(workspace_id: str) -> int:
    """
    Return the number of the workspace's advisory lock.

    Two workspaces that share one, which nobody will see, only wait for each other.
    """
    digest = sha256(f"pull {workspace_id}".encode()).digest()
    return int.from_bytes(digest[:8]) & _63_BITS
