"""Ways in which a file goes bad, and the ten workspaces that are at stake."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.warehouse import FEB, JAN, account, land, pull, stored, warehouse_in

TEN = tuple(f"ws{number}" for number in range(10))


def land_ten(folder: Path) -> None:
    """Land ten workspaces, each with a restatement, and publish them."""
    warehouse = warehouse_in(folder)
    for amounts in (("1", "2"), ("1", "3")):
        with warehouse.write("ten") as session:
            for name in TEN:
                land(session, pull([JAN, FEB], account("a", "Sales", *amounts)), workspace=name)
    warehouse.publish()


def workspaces_in(path: Path) -> list[str]:
    rows = stored(path, "SELECT DISTINCT workspace_id FROM batches ORDER BY 1")
    return [name for (name,) in rows]


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_to_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_off(path: Path) -> None:
    """Keep the headers alone."""
    path.write_bytes(path.read_bytes()[:20_000])


def flip_bytes(path: Path) -> None:
    """Change a byte in each block of data; the headers at the start stay whole."""
    content = bytearray(path.read_bytes())
    for position in range(20_000, len(content), 262_144):
        content[position] ^= 0xFF
    path.write_bytes(bytes(content))


def flip_figures(path: Path) -> None:
    """Change bytes so that the file can still be opened, and its figures no more be read."""
    whole = path.read_bytes()
    for block in range(12_288, len(whole), 262_144):
        content = bytearray(whole)
        content[block + 5000] ^= 0xFF
        path.write_bytes(bytes(content))
        if _opens_but_is_damaged(path):
            return
    raise AssertionError("no block holds figures alone")


def _opens_but_is_damaged(path: Path) -> bool:
    import duckdb

    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error:
        return False
    try:
        connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
        connection.execute("SELECT max(batch_id) FROM batches").fetchall()
        return False
    except duckdb.Error:
        return True
    finally:
        connection.close()


@contextmanager
def as_before(home: Path, *names: str) -> Iterator[None]:
    """Put these files of *home* back at the end of the block, and remove newer ones like them."""
    kept = {name: (home / name).read_bytes() for name in names}
    try:
        yield
    finally:
        for name, content in kept.items():
            for path in home.glob(f"{name}*"):
                if path.is_file():
                    path.unlink()
            (home / name).write_bytes(content)
            (home / name).chmod(0o600)
