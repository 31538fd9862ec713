"""`XeroFetchAdapter`: which requests, in which order."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar

from integrations.contracts import (
    ALL_STATEMENTS,
    AccessDeniedError,
    AccountingFetchAdapter,
    Answer,
    DataBatch,
    ReconnectRequiredError,
    Statement,
    StatementLine,
    join_lines,
    month_ends,
)
from integrations.xero.connections import XeroConnection, parse_connections
from integrations.xero.organisation import Organisation, check_name, has_id_of, parse_organisation
from integrations.xero.proofs import prove
from integrations.xero.reports import Report, ReportRow, parse_report
from integrations.xero.windows import plan_queries

_SHORT_CODE = re.compile(r"!?([A-Za-z0-9_-]{3,20})", re.ASCII)
_REGIONS = {"US": 1100, "GB": 1200}
_ELSEWHERE = 1000
_REPORTS = {Statement.PROFIT_AND_LOSS: 16, Statement.BALANCE_SHEET: 17}


def report_urls(organisation: Organisation) -> dict[Statement, str]:
    """Return the page of each statement; nothing where the organisation has no short code."""
    code = _SHORT_CODE.fullmatch(organisation.short_code or "")
    if code is None:
        return {}
    region = _REGIONS.get(organisation.country or "", _ELSEWHERE)
    return {
        statement: f"https://reporting.xero.com/!{code[1]}/v1/Run/{region + number}"
        for statement, number in _REPORTS.items()
    }


def join_reports(reports: Sequence[Report], dates: Sequence[date]) -> tuple[StatementLine, ...]:
    """
    Return the lines of one statement over *dates*; see `join_lines`.

    Args:
        reports: Newest window first: its labels, sections and order win.
        dates: Month ends, ascending; every one is wanted by exactly one report.
    """
    return join_lines([[_line(row, report) for row in report.rows] for report in reports], dates)


def _line(row: ReportRow, report: Report) -> StatementLine:
    """Return a row with the months that were asked for; by-products are dropped."""
    query = report.query
    columns = zip(query.columns, row.values, strict=True)
    return StatementLine(
        statement=query.statement,
        section=row.section,
        account_id=row.account_id,
        label=row.label,
        kind=row.kind,
        values={month: value for month, value in columns if month in query.wanted},
    )


class XeroFetchAdapter(AccountingFetchAdapter):
    """
    Fetches the monthly profit and loss and the month-end balance sheets.

    Besides the report calls (`windows.plan_queries`) a fetch reads the organisation once,
    for its currency, lock dates and identity.
    """

    name: ClassVar[str] = "Xero"

    @classmethod
    def planned_calls(cls, from_date: date, today: date) -> int:
        """Return the calls of both statements, and one for the organisation."""
        return 1 + sum(len(plan_queries(item, from_date, today)) for item in Statement)

    async def get_data(
        self, from_date: date, *, statements: frozenset[Statement] = ALL_STATEMENTS
    ) -> DataBatch:
        """
        Return every month from the month of *from_date* to the running one, on accrual basis.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
            ValueError: If *from_date* lies in a month after the running one.
        """
        plans = [
            plan_queries(statement, from_date, self.today)
            for statement in Statement
            if statement in statements
        ]
        organisation = await self._organisation()
        dates = month_ends(from_date, self.today)
        lines: list[StatementLine] = []
        for queries in plans:
            reports = []
            for query in queries:
                report = parse_report((await self._get(query.path, query.params)).payload, query)
                prove(report)
                reports.append(report)
            lines.extend(join_reports(reports, dates))
        return DataBatch(
            integration=self.integration,
            tenant_id=self.client.tenant_id,
            tenant_name=organisation.name or self.client.tenant_name,
            currency=organisation.currency,
            basis="accrual",
            dates=dates,
            statements=statements,
            lock_date=organisation.lock_date,
            lines=tuple(lines),
            report_urls=report_urls(organisation),
        )

    async def _organisation(self) -> Organisation:
        found = parse_organisation((await self._get("api.xro/2.0/Organisation")).payload)
        if not has_id_of(found, tenant_id=self.client.tenant_id):
            check_name(found, await self._connections(), tenant_id=self.client.tenant_id)
        return found

    async def _connections(self) -> tuple[XeroConnection, ...]:
        return parse_connections((await self.client.get("connections")).payload)

    async def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
        try:
            return await self.client.get(path, params)
        except AccessDeniedError as exc:
            # A vanished organisation and a missing permission are the same 403.
            connections = await self._connections()
            shown = f"{self.client.tenant_name!r} ({self.client.tenant_id})"
            if all(item.tenant_id != self.client.tenant_id for item in connections):
                raise ReconnectRequiredError(
                    f"Xero: organisation {shown} is no longer connected; connect it again"
                ) from exc
            raise AccessDeniedError(
                f"{exc}; organisation {shown} is still connected, so the person who connected "
                "it may lack the permission to see its reports (in Xero: Settings, Users)"
            ) from exc
