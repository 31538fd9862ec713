"""
Connects, fetches and lands with installed plugins, and prints what came of it as JSON.

Run in a process of its own: `python -m support.generating_whole_path <home> <slug>...`.
"""

import json
import sys
from datetime import date
from pathlib import Path

from support.stack import running_stack

from integrations.contracts import months_back
from integrations.runtime.registry import load_registry

TODAY = date(2025, 2, 28)
MONTHS = 14
TENANT = "Acme Trading Inc"
FIGURES = {
    "accounting": "SELECT account_id, month, value, currency FROM data_points "
    "WHERE integration = ? AND kind = 'account'",
    "payroll": "SELECT month, gross_pay, employer_taxes, benefits, reimbursements, currency "
    "FROM payroll_costs WHERE integration = ? ORDER BY month",
}
SPELLS = (
    "SELECT employee_id, title, start_date, end_date, monthly_salary FROM employees "
    "WHERE integration = ? AND start_date IS NOT NULL ORDER BY ALL"
)


def main(home: str, *slugs: str) -> None:
    first = months_back(TODAY, MONTHS).replace(day=1)
    found = {}
    with running_stack(Path(home), today=TODAY, history_months=MONTHS) as stack:
        stack.connect("acme", **dict.fromkeys(slugs, TENANT))
        result = stack.refresh(acme=" ".join(slugs))
        for plugin in map(load_registry().get, slugs):
            accounting = plugin.api_type == "accounting"
            ((tenant_id, calls),) = stack.query(
                "SELECT any_value(tenant_id), max(api_calls) FROM batches WHERE integration = ?",
                plugin.name,
            )
            found[plugin.slug] = {
                "calls": calls,
                "figures": stack.query(FIGURES[plugin.api_type], plugin.name),
                "spells": [] if accounting else stack.query(SPELLS, plugin.name),
                "truth": stack.control(plugin.slug).get(
                    "books" if accounting else "payroll",
                    **{"tenant_id": tenant_id, "from": str(first), "to": str(TODAY)},
                ),
            }
    json.dump({"failures": result.failures, "found": found}, sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
