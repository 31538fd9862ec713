"""Checks that landed figures are complete and add up, for many workspaces in two queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from integrations.contracts import month_ends
from zebbra_pipeline.warehouse.database import Database, from_utc
from zebbra_pipeline.warehouse.records import EMPLOYEES

_OF_THEM = "integration = $1 AND ($2::VARCHAR[] IS NULL OR workspace_id IN (SELECT unnest($2)))"
_NEWEST = f"""
    newest AS (
        SELECT workspace_id, covering, arg_max(batch_id, sequence) AS batch_id,
            arg_max(fetched_at, sequence) AS fetched_at, arg_max(to_month, sequence) AS to_month
        FROM (SELECT *, unnest(covers) AS covering FROM batches WHERE {_OF_THEM}) GROUP BY ALL
    )
"""  # noqa: S608 -- a condition of ours


@dataclass(frozen=True, slots=True)
class Integrity:
    """
    The state of one landed asset of one workspace.

    Attributes:
        fetched_at: When its newest batch was fetched, in UTC.
        first_month: First landed month; None for employees.
        last_month: Last landed month.
        missing: Month ends from the first month to the last month of the newest batch that have
            not landed.
        lines: Number of accounts and section totals of a statement; each must have a row in
            every landed month, even without movement. 1 for payroll costs. If it is 0, an empty
            statement cannot be distinguished from one that lost its rows.
        lacking: Landed months with fewer rows than *lines*.
        mixed: Whether people of an older batch remain in addition to those of the newest one.
        unproven: Totals of the newest batch that do not add up, e.g. `Total Income, 2026-02`;
            names and months only, never an amount.
        compared: Number of comparisons: section totals of a statement with the sums of their
            accounts, payroll's total costs with their parts, end dates of jobs with their start
            dates. Computed totals, such as net profit, are not compared: their sections and
            signs differ by provider.
    """

    workspace_id: str
    asset: str
    fetched_at: datetime
    first_month: date | None
    last_month: date | None
    missing: tuple[date, ...]
    lines: int
    lacking: tuple[date, ...]
    mixed: bool
    unproven: tuple[str, ...]
    compared: int


def load_integrity(
    db: Database, integration: str, workspace_ids: Sequence[str] | None
) -> list[Integrity]:
    """Return the integrity of each asset of each workspace; see `ReadSession.integrity`."""
    given = [integration, None if workspace_ids is None else list(workspace_ids)]
    proofs: dict[tuple[str, str], tuple[int, list[str] | None]] = {
        (workspace_id, asset): (compared, wrong)
        for workspace_id, asset, compared, wrong in db.rows(_PROOFS, given)
    }
    found = []
    for workspace_id, asset, fetched_at, to_month, months, lines, lacking, mixed in db.rows(
        _COVERED, given
    ):
        there = tuple(months or ())
        expected = month_ends(there[0], max(there[-1], to_month)) if there else ()
        if not there and asset != EMPLOYEES:
            expected = (to_month,)
        compared, wrong = proofs.get((workspace_id, asset), (0, None))
        found.append(
            Integrity(
                workspace_id,
                asset,
                from_utc(fetched_at),
                there[0] if there else None,
                there[-1] if there else None,
                tuple(month for month in expected if month not in frozenset(there)),
                lines or 0,
                tuple(lacking or ()),
                mixed,
                tuple(wrong or ()),
                compared,
            )
        )
    return found


_COVERED = f"""
    WITH {_NEWEST},
    cells AS (  -- a computed total has none where the provider gave none
        SELECT workspace_id, statement, month, count(DISTINCT position) AS n FROM data_points
        WHERE {_OF_THEM} AND kind <> 'computed_total' GROUP BY ALL
        UNION ALL
        SELECT workspace_id, 'payroll_costs', month, 1 FROM payroll_costs
        WHERE {_OF_THEM} GROUP BY ALL
    ),
    lines AS (
        SELECT workspace_id, statement, count(DISTINCT position) AS all_of_it FROM data_points
        WHERE {_OF_THEM} AND kind <> 'computed_total' GROUP BY ALL
    ),
    months AS (
        SELECT workspace_id, statement AS covering, list(month ORDER BY month) AS months,
            any_value(wanted) AS lines,
            list(month ORDER BY month) FILTER (coalesce(n, 0) < wanted) AS lacking
        FROM (
            SELECT *, CASE statement WHEN 'payroll_costs' THEN 1 ELSE all_of_it END AS wanted
            FROM landed_months LEFT JOIN lines USING (workspace_id, statement)
            LEFT JOIN cells USING (workspace_id, statement, month) WHERE {_OF_THEM}
        ) GROUP BY ALL
    ),
    mixed AS (
        SELECT DISTINCT employees.workspace_id, covering FROM employees
        JOIN newest ON newest.workspace_id = employees.workspace_id
            AND covering = 'employees' AND newest.batch_id <> employees.batch_id
        WHERE integration = $1
    )
    SELECT workspace_id, covering, fetched_at, to_month, months, lines, lacking,
        mixed.workspace_id IS NOT NULL
    FROM newest LEFT JOIN months USING (workspace_id, covering)
    LEFT JOIN mixed USING (workspace_id, covering)
    ORDER BY 1, 2
"""  # noqa: S608 -- conditions of ours

_PROOFS = f"""
    WITH {_NEWEST},
    points AS (  -- older months keep their totals although an account has moved since
        SELECT data_points.* FROM data_points JOIN newest USING (workspace_id, batch_id)
        WHERE integration = $1 AND covering = statement
    ),
    sums AS (
        SELECT workspace_id, statement, month, section_path[1:depth] AS section_path,
            sum(value) AS value
        FROM (
            SELECT *, unnest(range(1, len(section_path) + 1)) AS depth FROM points
            WHERE kind = 'account'
        )
        GROUP BY ALL
    ),
    totals AS (  -- what has no section of its own is computed by the provider from others
        SELECT workspace_id, statement, month, section_path, any_value(label) AS label,
            any_value(value) AS value
        FROM points WHERE kind = 'section_total' AND len(section_path) > 0
        GROUP BY ALL HAVING count(*) = 1
    ),
    proofs AS (
        SELECT workspace_id, statement AS asset,
            totals.value <> if(sums.workspace_id IS NULL, 0, sums.value) AS wrong,
            label || ', ' || strftime(month, '%Y-%m') AS what
        FROM totals LEFT JOIN sums USING (workspace_id, statement, month, section_path)
        UNION ALL
        SELECT workspace_id, 'payroll_costs', total_cost <> gross_pay + employer_taxes + benefits,
            'total cost, ' || strftime(month, '%Y-%m')
        FROM payroll_costs WHERE {_OF_THEM}
        UNION ALL
        SELECT workspace_id, 'employees', coalesce(end_date < start_date, false),
            'job of person ' || employee_id
        FROM employees WHERE {_OF_THEM}
    )
    SELECT workspace_id, asset, count(*), list(DISTINCT what ORDER BY what) FILTER (wrong)
    FROM proofs WHERE wrong IS NOT NULL GROUP BY ALL
"""  # noqa: S608 -- conditions of ours
