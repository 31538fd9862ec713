"""The warehouse: all SQL of the product, and the one way to the landed figures."""

from zebbra_pipeline.warehouse.errors import (
    Holder,
    WarehouseBusyError,
    WarehouseError,
    WarehouseFileError,
    WarehouseVersionError,
    WarehouseWriteError,
)
from zebbra_pipeline.warehouse.reading import ReadSession
from zebbra_pipeline.warehouse.records import (
    EMPLOYEES,
    PAYROLL_COSTS,
    BatchInfo,
    EndpointInfo,
    Landing,
    RestatementInfo,
    WorkspaceSummary,
)
from zebbra_pipeline.warehouse.store import Warehouse
from zebbra_pipeline.warehouse.writing import WriteSession

__all__ = [
    "EMPLOYEES",
    "PAYROLL_COSTS",
    "BatchInfo",
    "EndpointInfo",
    "Holder",
    "Landing",
    "ReadSession",
    "RestatementInfo",
    "Warehouse",
    "WarehouseBusyError",
    "WarehouseError",
    "WarehouseFileError",
    "WarehouseVersionError",
    "WarehouseWriteError",
    "WorkspaceSummary",
    "WriteSession",
]
