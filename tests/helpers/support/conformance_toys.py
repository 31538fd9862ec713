"""Pocketbooks and Pocketpay: small plugins that keep everything the conformance kit asks for."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from integrations.contracts import (
    ALL_STATEMENTS,
    AccountingFetchAdapter,
    ApiFacts,
    DataBatch,
    Employee,
    IntegrationOAuth,
    IntegrationPlugin,
    IntegrationProvider,
    JobSpell,
    LineKind,
    NewGrant,
    PayrollCost,
    PayrollFetchAdapter,
    ProviderClient,
    RateLimits,
    Statement,
    StatementLine,
    Tenant,
    month_ends,
    month_start,
    parse_amount,
)


class PocketbooksOAuth(IntegrationOAuth):
    authorize_url = "https://pocketbooks.invalid/authorize"
    token_url = "https://pocketbooks.invalid/token"
    revoke_url = "https://pocketbooks.invalid/revoke"
    scopes: ClassVar[tuple[str, ...]] = ("organisation.read", "statements.read")
    client_auth = "basic"
    pkce = True
    replay_grace: ClassVar[timedelta | None] = timedelta(minutes=30)

    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        payload = (await client.get("v1/organisations")).payload
        return tuple(Tenant(item["id"], item["name"]) for item in payload if item["shared"])


class PocketbooksAdapter(AccountingFetchAdapter):
    name: ClassVar[str] = "Pocketbooks"

    async def get_data(
        self, from_date: date, *, statements: frozenset[Statement] = ALL_STATEMENTS
    ) -> DataBatch:
        organisation = (await self.client.get("v1/organisation")).payload
        months = self.months(from_date)
        lines = [
            self.line(statement, row, months)
            for statement in sorted(statements)
            for row in await self.rows(statement, months)
        ]
        return DataBatch(
            integration=self.integration,
            tenant_id=organisation["id"],
            tenant_name=organisation["name"],
            currency=organisation["currency"],
            dates=months,
            statements=statements,
            lines=tuple(lines),
        )

    def months(self, from_date: date) -> tuple[date, ...]:
        return month_ends(from_date, self.today)

    async def rows(self, statement: Statement, months: Sequence[date]) -> list[Mapping[str, Any]]:
        query = {"from": months[0].isoformat(), "to": months[-1].isoformat()}
        found: list[Mapping[str, Any]] = []
        page, pages = 1, 1
        while page <= pages:
            path = f"v1/statements/{statement}"
            payload = (await self.client.get(path, {**query, "page": page})).payload
            found += payload["rows"]
            page, pages = page + 1, payload["pages"]
        return found

    def line(
        self, statement: Statement, row: Mapping[str, Any], months: Sequence[date]
    ) -> StatementLine:
        return StatementLine(
            statement=statement,
            section=tuple(row["section"]),
            account_id=row["account"],
            label=row["name"],
            kind=LineKind(row["kind"]),
            values={month: self.amount(row["amounts"][month.isoformat()]) for month in months},
        )

    def amount(self, value: Any) -> Decimal | None:
        return None if value is None else parse_amount(value, "Pocketbooks: amounts")


PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("Pocketbooks"),
    api_type="accounting",
    oauth=PocketbooksOAuth(),
    adapter=PocketbooksAdapter,
    api=ApiFacts(
        base_url="https://pocketbooks.invalid/",
        tenant_header="Pocket-Tenant",
        limits=RateLimits(per_minute=40, concurrent=4, per_day=5000),
    ),
    sandbox="support.conformance_sandboxes:build_pocketbooks",
)


class PocketpayOAuth(IntegrationOAuth):
    authorize_url = "https://pocketpay.invalid/authorize"
    token_url = "https://pocketpay.invalid/token"
    scopes: ClassVar[tuple[str, ...]] = ("people.read", "pay.read")
    client_auth = "body"
    replay_grace: ClassVar[timedelta | None] = None

    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        payload = (await client.get("v1/company")).payload
        return (Tenant(payload["id"], payload["name"]),)


class PocketpayAdapter(PayrollFetchAdapter):
    name: ClassVar[str] = "Pocketpay"

    async def get_data(self, from_date: date) -> list[Employee]:
        first = month_start(from_date)
        people = [self.employee(row) for row in await self.people()]
        return [
            person
            for person in people
            if not person.spells
            or any(spell.end_date is None or spell.end_date >= first for spell in person.spells)
        ]

    async def get_payroll_costs(self, from_date: date) -> list[PayrollCost]:
        query = {"since": month_start(from_date).isoformat()}
        rows = (await self.client.get("v1/costs", query)).payload["rows"]
        by_month = {row["month"]: row for row in rows}
        return [
            self.cost(month, by_month.get(month.isoformat(), {}))
            for month in self.months(from_date)
        ]

    def months(self, from_date: date) -> tuple[date, ...]:
        return month_ends(from_date, self.today)

    async def people(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        page, pages = 1, 1
        while page <= pages:
            payload = (await self.client.get("v1/people", {"page": page})).payload
            found += payload["rows"]
            page, pages = page + 1, payload["pages"]
        return found

    def employee(self, row: Mapping[str, Any]) -> Employee:
        spells = tuple(
            JobSpell(
                title=job["title"],
                start_date=date.fromisoformat(job["from"]),
                end_date=date.fromisoformat(job["to"]) if job["to"] else None,
                monthly_salary=parse_amount(job["pay"], "Pocketpay: pay"),
                currency="EUR",
            )
            for job in row["jobs"]
        )
        return Employee(employee_id=row["id"], name=row["name"], spells=spells)

    def cost(self, month: date, row: Mapping[str, Any]) -> PayrollCost:
        parts = {
            name: parse_amount(row.get(name, "0.00"), f"Pocketpay: {name}")
            for name in ("gross_pay", "employer_taxes", "benefits", "reimbursements")
        }
        return PayrollCost(month=month, currency="EUR", **parts)


PAYROLL_PLUGIN = IntegrationPlugin(
    name=IntegrationProvider("Pocketpay"),
    api_type="payroll",
    oauth=PocketpayOAuth(),
    adapter=PocketpayAdapter,
    api=ApiFacts(base_url="https://pocketpay.invalid/", limits=RateLimits(per_minute=50)),
    sandbox="support.conformance_sandboxes:build_pocketpay",
)
