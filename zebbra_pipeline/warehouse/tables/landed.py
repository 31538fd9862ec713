"""What the warehouse keeps of many workspaces: how much of each asset, and a fingerprint of all."""

from collections.abc import Sequence

from zebbra_pipeline.outcomes import Kept
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.records import EMPLOYEES, PAYROLL_COSTS

_OF_THEM = "integration = $1 AND workspace_id IN (SELECT unnest($2::VARCHAR[]))"
_KEPT = f"""
    WITH newest AS (
        SELECT workspace_id, asset, arg_max(batch_id, sequence) AS batch_id
        FROM (SELECT *, unnest(covers) AS asset FROM batches WHERE {_OF_THEM}) GROUP BY ALL
    ),
    held AS (
        SELECT workspace_id, statement AS asset, count(*) AS n FROM data_points
        WHERE {_OF_THEM} GROUP BY ALL
        UNION ALL
        SELECT workspace_id, '{EMPLOYEES}', count(*) FROM employees WHERE {_OF_THEM} GROUP BY ALL
        UNION ALL
        SELECT workspace_id, '{PAYROLL_COSTS}', count(*) FROM payroll_costs
        WHERE {_OF_THEM} GROUP BY ALL
    )
    SELECT workspace_id, asset, batch_id, coalesce(n, 0)
    FROM newest LEFT JOIN held USING (workspace_id, asset) ORDER BY ALL
"""  # noqa: S608 -- a condition and names of ours

_AMONG = "workspace_id IN (SELECT unnest($1::VARCHAR[]))"
_FIGURES = f"""
    WITH content AS (
        SELECT DISTINCT workspace_id, md5(json_array('landed', integration)::VARCHAR) AS line
        FROM batches WHERE {_AMONG}
        UNION ALL
        SELECT workspace_id, md5(json_array(
            integration, statement, position, section_path, account_id, endpoint, label, kind,
            month, value::VARCHAR, currency, provisional
        )::VARCHAR)
        FROM data_points WHERE {_AMONG}
        UNION ALL
        SELECT workspace_id, md5(json_array(
            integration, employee_id, name, title, department, start_date, end_date,
            monthly_salary::VARCHAR, currency
        )::VARCHAR)
        FROM employees WHERE {_AMONG}
        UNION ALL
        SELECT workspace_id, md5(json_array(
            integration, month, gross_pay::VARCHAR, employer_taxes::VARCHAR, benefits::VARCHAR,
            reimbursements::VARCHAR, total_cost::VARCHAR, currency, provisional
        )::VARCHAR)
        FROM payroll_costs WHERE {_AMONG}
    )
    SELECT workspace_id, sha256(string_agg(line, '' ORDER BY line)) FROM content GROUP BY ALL
"""  # noqa: S608 -- a condition of ours
"""Everything that the merge reads of landed figures, except which batch brought it."""


def load_kept(
    db: Database, integration: str, workspace_ids: Sequence[str]
) -> dict[str, dict[str, Kept]]:
    """Return it by workspace and asset; see `ReadSession.kept`."""
    found: dict[str, dict[str, Kept]] = {}
    for workspace_id, asset, *facts in db.rows(_KEPT, [integration, list(workspace_ids)]):
        found.setdefault(workspace_id, {})[asset] = Kept(*facts)
    return found


def load_figures_sha256(db: Database, workspace_ids: Sequence[str]) -> dict[str, str]:
    """Return it by workspace; see `ReadSession.figures_sha256`."""
    return dict(db.rows(_FIGURES, [list(workspace_ids)]))
