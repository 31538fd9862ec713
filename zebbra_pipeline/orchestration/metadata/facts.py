"""What Dagster shows of an outcome: the metadata of its materialization or observation."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from integrations.contracts import Statement, month_end, month_ends
from integrations.contracts.display import printable
from zebbra_pipeline.orchestration.metadata import keys, markdown
from zebbra_pipeline.orchestration.metadata.tables import (
    chart_by_month,
    chart_of_payroll,
    chart_of_people,
    payroll_by_month,
    people_by_month,
    rows_by_status,
    totals_by_month,
)
from zebbra_pipeline.outcomes import (
    Deferred,
    Failed,
    Finished,
    Landed,
    LandedAsset,
    LandedEmployees,
    LandedPayrollCosts,
    LandedStatement,
    Merged,
    NotConnected,
    Origin,
)

Metadata = dict[str, Any]


def facts_of(outcome: Finished, asset: str, *, page: str | None = None) -> Metadata:
    """
    Return the metadata of one asset of a workspace with its part of the run done.

    Args:
        outcome: Of the workspace.
        asset: Asset name, e.g. `profit_and_loss`.
        page: The operator's page of the connection, if there is one.
    """
    if isinstance(outcome, Landed):
        facts = _landed(outcome.origin, outcome.assets[asset], page)
    elif isinstance(outcome, NotConnected):
        facts = _not_connected(outcome, asset)
    else:
        facts = _merged(outcome)
    return as_metadata(facts)


def data_version(outcome: Finished, asset: str) -> str | None:
    """Return what Dagster compares to find stale assets downstream; None: the run's id."""
    if isinstance(outcome, Landed):
        return outcome.assets[asset].batch_id
    if isinstance(outcome, NotConnected) and asset in outcome.kept:
        return outcome.kept[asset].batch_id
    return None


def reason_of(failed: Failed, *, page: str | None = None) -> Metadata:
    """Return the metadata that says why a workspace failed, in the order in which people ask."""
    facts: Metadata = {keys.REASON: failed.reason}
    if failed.connect_url:
        facts[keys.CONNECT] = markdown.value(connect_link(failed))
    if isinstance(failed, Deferred):
        facts[keys.COME_BACK_AT] = dg.MetadataValue.timestamp(failed.until)
    if failed.what_to_do:
        facts[keys.WHAT_TO_DO] = failed.what_to_do
    facts[keys.STATUS] = keys.PUT_OFF if isinstance(failed, Deferred) else "failed"
    return as_metadata(facts | _connection(page))


def connect_link(failed: Failed) -> str:
    """Return a markdown link to the connect page of a workspace that must connect again."""
    who = failed.workspace_id
    page = markdown.link(f"{who}: open the connect page", failed.connect_url or "")
    return f"{page} (for 30 minutes; then: {markdown.code(f'zebbra connect {who}')})"


def as_metadata(values: Mapping[str, Any]) -> Metadata:
    """
    Return *values* for Dagster: control characters in any text are shown as escapes.

    Markdown is made by `markdown.value`; what is foreign in it is escaped where it is assembled.
    """
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):  # not a tuple: Dagster's own metadata values are
        return [_shown(item) for item in value]
    return value


def _landed(origin: Origin, asset: LandedAsset, page: str | None) -> Metadata:
    who = {keys.STATUS: "landed", keys.TENANT: origin.tenant.name} | _connection(page)
    if isinstance(asset, LandedStatement):
        own = who | _report_link(asset) | _statement(asset)
        return _statement_tables(origin, asset) | own | _cost(origin) | _batch(asset)
    if isinstance(asset, LandedEmployees):
        return _people_tables(origin, asset) | who | _people(asset) | _cost(origin)
    return _cost_tables(asset) | who | _payroll(asset) | _cost(origin)


def _connection(page: str | None) -> Metadata:
    return _markdown({keys.CONNECTION: markdown.link("operator's page", page) if page else ""})


def _cost(origin: Origin) -> Metadata:
    left = {
        keys.CALLS_LEFT_MINUTE: origin.minute_calls_left,
        keys.CALLS_LEFT_DAY: origin.day_calls_left,
    }
    return {
        keys.API_CALLS: origin.api_calls,
        **{name: value for name, value in left.items() if value is not None},
        keys.SECONDS: origin.seconds,
    }


def _batch(asset: LandedAsset) -> Metadata:
    return {keys.BATCH_ID: asset.batch_id}


def _statement_tables(origin: Origin, asset: LandedStatement) -> Metadata:
    return _markdown(
        {
            keys.CHART: chart_by_month(asset.batch, asset.statement),
            keys.TOTALS_BY_MONTH: totals_by_month(
                asset.batch, asset.statement, origin.fetched_at.date()
            ),
        }
    )


def _report_link(asset: LandedStatement) -> Metadata:
    url = asset.batch.report_urls.get(asset.statement)
    what = asset.statement.value.replace("_", " ")
    link = markdown.link(f"{what} at {asset.batch.integration}", url) if url else ""
    return _markdown({keys.REPORT: link})


def _statement(asset: LandedStatement) -> Metadata:
    batch = asset.batch
    return {
        keys.CURRENCY: batch.currency,
        keys.BASIS: batch.basis,
        keys.FROM_MONTH: str(batch.dates[0]),
        keys.TO_MONTH: str(batch.dates[-1]),
        keys.MONTHS: len(batch.dates),
        keys.ACCOUNTS: _accounts(asset.statement, asset),
        keys.ROW_COUNT: asset.rows,
        keys.CHANGED: asset.changed,
        keys.RESTATED_FIGURES: asset.restated,
        keys.LOCK_DATE: str(batch.lock_date or "none"),
    }


def _accounts(statement: Statement, asset: LandedStatement) -> int:
    return sum(
        line.statement == statement and line.account_id is not None for line in asset.batch.lines
    )


def _people_tables(origin: Origin, asset: LandedEmployees) -> Metadata:
    """Return head counts alone: what a person earns is never shown."""
    today = origin.fetched_at.date()
    months = month_ends(asset.since, month_end(today))
    return _markdown(
        {
            keys.CHART: chart_of_people(asset.people, today, months),
            keys.PEOPLE_BY_MONTH: people_by_month(asset.people, today, months),
        }
    )


def _people(asset: LandedEmployees) -> Metadata:
    return {
        keys.PEOPLE: len(asset.people),
        keys.ROW_COUNT: asset.rows,
        keys.CHANGED: asset.changed,
    } | _batch(asset)


def _cost_tables(asset: LandedPayrollCosts) -> Metadata:
    """Return the cost of months with enough people: else it would show what one earns."""
    return _markdown(
        {
            keys.CHART: chart_of_payroll(asset.costs, asset.people),
            keys.COST_BY_MONTH: payroll_by_month(asset.costs, asset.people),
        }
    )


def _payroll(asset: LandedPayrollCosts) -> Metadata:
    costs = asset.costs
    return {
        **({keys.CURRENCY: costs[-1].currency} if costs else {}),
        keys.FROM_MONTH: str(costs[0].month) if costs else "none",
        keys.TO_MONTH: str(costs[-1].month) if costs else "none",
        keys.MONTHS: len(costs),
        keys.ROW_COUNT: asset.rows,
        keys.CHANGED: asset.changed,
    } | _batch(asset)


def _not_connected(outcome: NotConnected, asset: str) -> Metadata:
    kept = outcome.kept.get(asset)
    if kept is None:
        return {keys.ROW_COUNT: 0, keys.STATUS: "not_connected"}
    return {
        keys.ROW_COUNT: kept.rows,
        keys.STATUS: "disconnected",
        keys.BATCH_ID: kept.batch_id,
    }


def _merged(outcome: Merged) -> Metadata:
    rows = [row for model in outcome.models for row in model.rows]
    lines = [
        f"- {markdown.code(row.row_name)} ({row.status}): {markdown.escaped(row.note)}"
        for row in rows
        if row.note
    ]
    lines += [f"- {markdown.escaped(note)}" for model in outcome.models for note in model.notes]
    return {
        keys.ROW_COUNT: len(rows),
        keys.MODELS: len(outcome.models),
        keys.DOCUMENTS_SHA256: outcome.documents_sha256,
        keys.FIGURES_SHA256: outcome.figures_sha256,
        keys.ROWS_UNRESOLVED: sum(model.rows_unresolved for model in outcome.models),
        **_markdown(
            {
                keys.ROWS_BY_STATUS: rows_by_status(row.status for row in rows),
                keys.NOTES: "\n".join(lines),
            }
        ),
    }


def _markdown(texts: Mapping[str, str]) -> Metadata:
    return {name: markdown.value(text) for name, text in texts.items() if text}
