"""Fingerprints of fetched data, to recognise a fetch that brought nothing new."""

import json
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

from integrations.contracts import DataBatch, Employee, PayrollCost, Tenant
from integrations.contracts.money import fits
from zebbra_pipeline.warehouse.snapshots import SMALLEST


def batch_sha256(batch: DataBatch) -> str:
    """Return the SHA-256 of all of *batch*, including the order of its lines."""
    return _sha256(
        {
            "tenant": batch.tenant_id,
            "currency": batch.currency,
            "basis": batch.basis,
            "dates": batch.dates,
            "statements": sorted(batch.statements),
            "lock_date": batch.lock_date,
            "lines": [
                [
                    line.statement,
                    line.section,
                    line.account_id,
                    line.label,
                    line.kind,
                    [line.values[month] for month in batch.dates],
                ]
                for line in batch.lines
            ],
        }
    )


def employees_sha256(tenant: Tenant, employees: Iterable[Employee]) -> str:
    """Return the SHA-256 of *employees*, independent of their order."""
    people = [
        employee.model_dump() for employee in sorted(employees, key=lambda one: one.employee_id)
    ]
    return _sha256({"tenant": tenant.id, "employees": people})


def payroll_costs_sha256(tenant: Tenant, costs: Iterable[PayrollCost]) -> str:
    """Return the SHA-256 of *costs*, independent of their order."""
    months = [cost.model_dump() for cost in sorted(costs, key=lambda one: one.month)]
    return _sha256({"tenant": tenant.id, "payroll_costs": months})


def _sha256(content: dict[str, Any]) -> str:
    text = json.dumps(content, default=_plain, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _plain(value: Any) -> str:
    # 5 and 5.00 are the same amount.
    if not isinstance(value, Decimal):
        return str(value)
    if not fits(value):  # refused when it is stored, with an error that names the place
        return "too large"
    return format(value.quantize(SMALLEST), "f")
