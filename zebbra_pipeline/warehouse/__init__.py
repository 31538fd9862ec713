"""
The warehouse: all SQL of the product, and the only access to landed figures.

The names exported here are imported on first use, so that Dagster loads definitions without
DuckDB.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse.backups import WarehouseBackup, WarehouseFacts
    from zebbra_pipeline.warehouse.contents import Contents
    from zebbra_pipeline.warehouse.errors import (
        Holder,
        WarehouseBusyError,
        WarehouseDamagedError,
        WarehouseError,
        WarehouseFileError,
        WarehouseFullError,
        WarehouseLockedError,
        WarehouseLossError,
        WarehouseMissingError,
        WarehouseVersionError,
        WarehouseWriteError,
    )
    from zebbra_pipeline.warehouse.reading import ReadSession
    from zebbra_pipeline.warehouse.records import (
        EMPLOYEES,
        PAYROLL_COSTS,
        BatchInfo,
        EndpointInfo,
        LandedInfo,
        Landing,
        RestatementInfo,
        WorkspaceSummary,
    )
    from zebbra_pipeline.warehouse.store import Warehouse
    from zebbra_pipeline.warehouse.tables.integrity import Integrity
    from zebbra_pipeline.warehouse.writing import WriteSession

__all__ = [
    "EMPLOYEES",
    "PAYROLL_COSTS",
    "BatchInfo",
    "Contents",
    "EndpointInfo",
    "Holder",
    "Integrity",
    "LandedInfo",
    "Landing",
    "ReadSession",
    "RestatementInfo",
    "Warehouse",
    "WarehouseBackup",
    "WarehouseBusyError",
    "WarehouseDamagedError",
    "WarehouseError",
    "WarehouseFacts",
    "WarehouseFileError",
    "WarehouseFullError",
    "WarehouseLockedError",
    "WarehouseLossError",
    "WarehouseMissingError",
    "WarehouseVersionError",
    "WarehouseWriteError",
    "WorkspaceSummary",
    "WriteSession",
]
_HOMES = {
    "Contents": "contents",
    "ReadSession": "reading",
    "Integrity": "tables.integrity",
    "Warehouse": "store",
    "WarehouseBackup": "backups",
    "WarehouseFacts": "backups",
    "WriteSession": "writing",
}
_RECORDS = {
    "EMPLOYEES",
    "PAYROLL_COSTS",
    "BatchInfo",
    "EndpointInfo",
    "LandedInfo",
    "Landing",
    "RestatementInfo",
    "WorkspaceSummary",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "records" if name in _RECORDS else "errors")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
