"""Which assets an integration feeds, by its kind of API."""

from integrations.contracts import Statement
from zebbra_pipeline.warehouse import EMPLOYEES, PAYROLL_COSTS

ASSET_NAMES = {
    "accounting": tuple(statement.value for statement in Statement),
    "payroll": (EMPLOYEES, PAYROLL_COSTS),
}
"""Asset names of each family, in the order in which they are shown."""
