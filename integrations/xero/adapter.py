"""`XeroFetchAdapter`: which requests, in which order."""

from collections.abc import Mapping
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
    month_ends,
)
from integrations.xero.connections import XeroConnection, parse_connections
from integrations.xero.lines import join_reports
from integrations.xero.organisation import Organisation, check_name, has_id_of, parse_organisation
from integrations.xero.proofs import prove
from integrations.xero.report_links import report_urls
from integrations.xero.reports import parse_report
from integrations.xero.windows import plan_queries


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
