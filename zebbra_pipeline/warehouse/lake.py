"""The address of a DuckLake that serves as the warehouse."""

from pathlib import Path

from zebbra_pipeline.warehouse.errors import WarehouseFileError

DUCKLAKE = "ducklake:"
POSTGRES_LAKES = ("ducklake:postgres:", "ducklake:postgresql:")
_FILES = ("ducklake:duckdb:", "ducklake:sqlite:", DUCKLAKE)


def is_lake(target: str | Path) -> bool:
    """Return whether *target* is the address of a DuckLake rather than a DuckDB file."""
    return str(target).startswith(DUCKLAKE)


def without_secrets(target: str) -> str:
    """Return only the scheme of a catalog's address; the rest may hold a password."""
    return ":".join(target.split(":")[:2]) if target.startswith(POSTGRES_LAKES) else target


def catalog_file(target: str) -> Path | None:
    """
    Return the catalog file of a DuckLake; None if its catalog is in PostgreSQL.

    Raises:
        WarehouseFileError: If it is neither, as such a catalog has no write lock.
    """
    if target.startswith(POSTGRES_LAKES):
        return None
    path = next(target.removeprefix(kind) for kind in _FILES if target.startswith(kind))
    if ":" in path.split("/", 1)[0]:
        raise WarehouseFileError(
            "ZEBBRA_WAREHOUSE: expected a DuckLake whose catalog is PostgreSQL "
            "('ducklake:postgres:...') or a file ('ducklake:/path/lake.ducklake'), found "
            f"'{DUCKLAKE}{path.split(':', 1)[0]}:'"
        )
    return Path(path).expanduser().absolute()
