"""Pocketbooks and Pocketpay, each time broken in exactly one respect."""

import itertools
import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import SecretStr
from support import conformance_toys as toys

from integrations.contracts import (
    AccessDeniedError,
    ConfigurationError,
    DataBatch,
    DayLimitError,
    Employee,
    IntegrationError,
    IntegrationOAuth,
    IntegrationPlugin,
    IntegrationProvider,
    NewGrant,
    OAuthApp,
    OutboundRequest,
    PayloadError,
    PayrollCost,
    ProviderClient,
    ProviderUnavailableError,
    RateLimits,
    ReconnectRequiredError,
    RequestRefusedError,
    Statement,
    Tenant,
    TokenSet,
    month_ends,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Broken:
    """
    A plugin that must fail a check.

    Attributes:
        check: Name of the check.
        expected: Part of the sentence that says what it expected.
        found: Part of what it found.
    """

    plugin: IntegrationPlugin
    check: str
    expected: str
    found: str = ""


BROKEN: list[Broken] = []


def _broken(
    check: str,
    expected: str,
    found: str = "",
    *,
    base: IntegrationPlugin = toys.PLUGIN,
    oauth: type[IntegrationOAuth] | None = None,
    adapter: type | None = None,
    sandbox: str | None = None,
    **facts: Any,
) -> IntegrationPlugin:
    """Return *base* with one part replaced, and expect it to fail *check*."""
    name = IntegrationProvider(f"Broken{len(BROKEN) + 1}")
    kind = adapter or base.adapter
    plugin = replace(
        base,
        name=name,
        oauth=oauth() if oauth else base.oauth,
        adapter=type(kind.__name__, (kind,), {"name": name, "__module__": __name__}),
        api=replace(base.api, **facts),
        sandbox=f"support.conformance_sandboxes:{sandbox}" if sandbox else base.sandbox,
    )
    globals()[f"PLUGIN_{len(BROKEN) + 1}"] = plugin  # what another process imports
    BROKEN.append(Broken(plugin, f"check_{check}", expected, found))
    return plugin


# -- OAuth


class AsksForLess(toys.PocketbooksOAuth):
    def oauth_login(self, app: OAuthApp, **more: Any) -> str:
        return super().oauth_login(replace(app, scopes=app.scopes[:1]), **more)


class AlwaysTheSameState(toys.PocketbooksOAuth):
    def oauth_login(self, app: OAuthApp, *, state: str, **more: Any) -> str:
        return super().oauth_login(app, state="s" * len(state), **more)


class ForgetsTheVerifier(toys.PocketbooksOAuth):
    def oauth_callback(
        self, app: OAuthApp, *, code_verifier: str | None, **more: Any
    ) -> OutboundRequest:
        return super().oauth_callback(app, code_verifier=None, **more)


class OverstatesTheLifetime(toys.PocketbooksOAuth):
    def _store_oauth_token(self, answer: Mapping[str, Any], **more: Any) -> TokenSet:
        return super()._store_oauth_token(
            {**answer, "expires_in": answer["expires_in"] * 60}, **more
        )


class TakesAnyTenant(toys.PocketbooksOAuth):
    async def find_tenants(self, client: ProviderClient, grant: NewGrant) -> tuple[Tenant, ...]:
        first, *_ = (await client.get("v1/organisations")).payload
        return (Tenant(first["id"], first["name"]),)


class CannotRefresh(toys.PocketbooksOAuth):
    def _perform_token_refresh(self, app: OAuthApp, **more: Any) -> OutboundRequest:
        request = super()._perform_token_refresh(app, **more)
        return replace(request, form={**(request.form or {}), "grant_type": "refresh"})


class KeepsTheTokenInMemory(toys.PocketbooksOAuth):
    newest: ClassVar[dict[str, str]] = {}

    def _store_oauth_token(self, answer: Mapping[str, Any], **more: Any) -> TokenSet:
        name = f"kept-{next(_numbers)}"
        self.newest[name] = answer["refresh_token"]
        return super()._store_oauth_token({**answer, "refresh_token": name}, **more)

    def _perform_token_refresh(
        self, app: OAuthApp, *, refresh_token: SecretStr, **more: Any
    ) -> OutboundRequest:
        kept = self.newest.get(refresh_token.get_secret_value(), "gone")
        return super()._perform_token_refresh(app, refresh_token=SecretStr(kept), **more)


class DeclaresAMinute(toys.PocketbooksOAuth):
    replay_grace: ClassVar[timedelta | None] = timedelta(minutes=1)


class SaysThatTokensEndAtOnce(toys.PocketbooksOAuth):
    def _store_oauth_token(
        self, answer: Mapping[str, Any], *, now: datetime, **more: Any
    ) -> TokenSet:
        found = super()._store_oauth_token(answer, now=now, **more)
        return found.model_copy(update={"expires_at": now})


class RevokesWithoutTheToken(toys.PocketbooksOAuth):
    def disconnect_requests(
        self, app: OAuthApp, tokens: TokenSet, tenant: Tenant
    ) -> tuple[OutboundRequest, ...]:
        (request,) = super().disconnect_requests(app, tokens, tenant)
        return (replace(request, form={"tenant": tenant.id}),)


class RefreshesElsewhere(toys.PocketbooksOAuth):
    def _perform_token_refresh(self, app: OAuthApp, **more: Any) -> OutboundRequest:
        return replace(super()._perform_token_refresh(app, **more), url=self.token_url)


class LogsTheAnswer(toys.PocketbooksOAuth):
    def _store_oauth_token(self, answer: Mapping[str, Any], **more: Any) -> TokenSet:
        _log.debug("token answer: %s", answer)
        return super()._store_oauth_token(answer, **more)


_numbers = itertools.count()

_broken(
    "authorize_url_is_the_declared_one_and_asks_for_the_declared_scopes",
    "scope: organisation.read statements.read",
    "scope: organisation.read",
    oauth=AsksForLess,
)
_broken(
    "state_is_fresh_and_only_the_browser_that_left_may_come_back",
    "a long state, new for each login",
    "the same state",
    oauth=AlwaysTheSameState,
)
_broken(
    "pkce_binds_the_code_to_its_verifier",
    "the provider's redirect to lead to a connection",
    oauth=ForgetsTheVerifier,
)
_broken(
    "pkce_binds_the_code_to_its_verifier",
    "the sandbox to refuse a code with a wrong verifier",
    "status 200",
    sandbox="build_without_pkce",
)
_broken(
    "code_is_exchanged_for_a_token_that_lives_as_long_as_it_says",
    "the token to work until shortly before its end",
    "status 401",
    oauth=OverstatesTheLifetime,
)
_broken(
    "tenants_are_those_that_the_person_has_shared",
    "Birch Ltd (org-b) when a person shared Birch Ltd alone",
    "Alder & Sons (org-a)",
    oauth=TakesAnyTenant,
)
_broken(
    "refresh_gives_a_new_token_for_the_same_tenant",
    "a refused access token to be refreshed",
    "unsupported_grant_type",
    oauth=CannotRefresh,
)
_broken(
    "rotation_is_stored_before_it_is_used",
    "the stored refresh token to work after the crash",
    "requires_reconnect",
    oauth=KeepsTheTokenInMemory,
)
_broken(
    "spent_token_that_comes_again_is_refused_after_the_declared_grace",
    "invalid_grant for a spent refresh token after 0:01:00",
    "status 200",
    oauth=DeclaresAMinute,
)
_broken(
    "lost_answer_is_recovered_inside_the_declared_grace",
    "the spent refresh token to work once more",
    "requires_reconnect",
    sandbox="build_without_grace",
)
_broken(
    "eight_processes_at_once_refresh_once",
    "one refresh, and one new token for all 8 processes",
    "refreshes",
    oauth=SaysThatTokensEndAtOnce,
)
_broken(
    "throttled_token_endpoint_costs_a_wait_and_no_connection",
    "503 with Retry-After while the token endpoint is throttled",
    "status 409",
    sandbox="build_that_calls_throttling_dead",
)
_broken(
    "token_endpoint_that_is_down_costs_a_wait_and_no_connection",
    "503 with Retry-After while the token endpoint is down",
    "status 409",
    sandbox="build_that_calls_outages_dead",
)
_broken(
    "disconnecting_ends_this_connection_at_the_provider_and_no_other",
    "the provider to refuse the old token after the disconnection",
    "figures, as before",
    oauth=RevokesWithoutTheToken,
)
_broken(
    "no_host_is_called_that_is_not_declared",
    "a refresh to go to the addresses that are set",
    "https://pocketbooks.invalid/token",
    oauth=RefreshesElsewhere,
)
_broken(
    "no_secret_and_no_personal_datum_in_logs_errors_and_figures",
    "no token, code or client secret in logs",
    "access_token",
    oauth=LogsTheAnswer,
)


# -- figures


class CountsItsCalls(toys.PocketbooksAdapter):
    async def get_data(self, from_date: date, **more: Any) -> DataBatch:
        before = self.client.calls
        batch = await super().get_data(from_date, **more)
        if self.client.calls - before != 3:
            raise PayloadError("Broken: expected three requests, found another number")
        return batch


class ChangesTheOrder(toys.PocketbooksAdapter):
    async def get_data(self, from_date: date, **more: Any) -> DataBatch:
        batch = await super().get_data(from_date, **more)
        lines = batch.lines if next(_numbers) % 2 else batch.lines[::-1]
        return batch.model_copy(update={"lines": lines})


class AddsUp(toys.PocketbooksAdapter):
    earlier: Sequence[Any] = ()

    async def get_data(self, from_date: date, **more: Any) -> DataBatch:
        batch = await super().get_data(from_date, **more)
        self.earlier = (*self.earlier, *batch.lines)
        return batch.model_copy(update={"lines": self.earlier})


class StartsLate(toys.PocketbooksAdapter):
    def months(self, from_date: date) -> tuple[date, ...]:
        return month_ends(from_date + timedelta(days=1), self.today) or super().months(from_date)


class DropsCents(toys.PocketbooksAdapter):
    def amount(self, value: Any) -> Decimal | None:
        found = super().amount(value)
        return None if found is None else found.quantize(Decimal(1))


class LosesAccounts(toys.PocketbooksAdapter):
    async def rows(self, statement: Statement, months: Any) -> list[Mapping[str, Any]]:
        return [row for row in await super().rows(statement, months) if row["account"] != "p2"]


class TakesNoneForZero(toys.PocketbooksAdapter):
    def amount(self, value: Any) -> Decimal | None:
        return super().amount(value) or Decimal(0)


class ReadsOnePage(toys.PocketbooksAdapter):
    async def rows(self, statement: Statement, months: Any) -> list[Mapping[str, Any]]:
        query = {"from": months[0].isoformat(), "to": months[-1].isoformat()}
        answer = await self.client.get(f"v1/statements/{statement}", query)
        return list(answer.payload["rows"])


class NamesNothing(toys.PocketbooksAdapter):
    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:
        return ()


class CallsHome(toys.PocketbooksAdapter):
    async def get_data(self, from_date: date, **more: Any) -> DataBatch:
        with suppress(OSError):
            socket.create_connection(("198.51.100.7", 443), timeout=1).close()
        return await super().get_data(from_date, **more)


_broken(
    "token_that_ends_in_the_middle_of_a_fetch_is_not_noticed",
    "the same figures although the access token ended in the middle",
    "PayloadError",
    adapter=CountsItsCalls,
)
_broken(
    "same_books_give_the_same_figures",
    "the same figures, in the same order, from two fetches",
    adapter=ChangesTheOrder,
)
_broken(
    "fetching_twice_with_one_adapter_changes_nothing",
    "the second fetch of an adapter to return the figures of the first",
    "other figures",
    adapter=AddsUp,
)
_broken(
    "months_are_month_ends_complete_and_in_order",
    "2 months, 2026-02-28 to 2026-03-31, from 2026-02-28",
    "1: 2026-03-31",
    adapter=StartsLate,
)
_broken("every_figure_equals_the_books", ", as in the books", adapter=DropsCents)
_broken(
    "sums_prove_that_nothing_is_missing",
    "the sum of its 1 accounts",
    adapter=LosesAccounts,
)
_broken(
    "absent_and_zero_are_told_apart",
    "None, as the provider has no figure",
    "0",
    adapter=TakesNoneForZero,
)
_broken(
    "every_page_is_read_and_each_row_once",
    "the same figures from pages of 3 rows",
    "other figures",
    adapter=ReadsOnePage,
)
_broken(
    "endpoint_names_are_those_of_the_figures",
    "the endpoint names of the fetched figures",
    "0 names",
    adapter=NamesNothing,
)
_broken(
    "rate_limits_are_the_providers_and_are_kept",
    "the sandbox to refuse after the 100 requests a minute that are declared",
    "a refusal after 40",
    limits=RateLimits(per_minute=100, concurrent=4),
)
_broken(
    "rate_limits_are_the_providers_and_are_kept",
    "no 429",
    "answers of status 429",
    limits=RateLimits(per_minute=40, concurrent=9),
)
_broken(
    "rate_limits_are_the_providers_and_are_kept",
    "the declared header X-Left with a number in the answers",
    "no such header",
    limits=RateLimits(per_minute=40, concurrent=4, minute_remaining_header="X-Left"),
)
_broken(
    "no_host_is_called_that_is_not_declared",
    "calls to the declared API only",
    "198.51.100.7:443",
    adapter=CallsHome,
)


# -- errors


class _Swallows(toys.PocketbooksAdapter):
    """Takes an error for "nothing there"."""

    mistaken: ClassVar[type[IntegrationError]]

    async def get_data(self, from_date: date, **more: Any) -> DataBatch:
        try:
            return await super().get_data(from_date, **more)
        except self.mistaken:
            return DataBatch(
                integration=self.integration,
                tenant_id=self.client.tenant_id,
                tenant_name=self.client.tenant_name,
                currency="EUR",
                dates=self.months(from_date),
                lines=(),
            )


class _Renames(toys.PocketbooksAdapter):
    """Takes an error for one of its own parser."""

    mistaken: ClassVar[type[IntegrationError]]

    async def get_data(self, from_date: date, **more: Any) -> DataBatch:
        try:
            return await super().get_data(from_date, **more)
        except self.mistaken as exc:
            raise PayloadError(f"Broken: cannot read it: {exc}") from exc


def _wrong(kind: type, error: type[IntegrationError]) -> type:
    return type(f"{kind.__name__}{error.__name__}", (kind,), {"mistaken": error})


_NOTHING = "figures without what could not be read"
for _check, _kind, _error, _expected, _found in (
    ("status_401_that_stays_means_reconnect", _Swallows, ReconnectRequiredError, "401", _NOTHING),
    ("status_403_means_a_missing_permission", _Swallows, AccessDeniedError, "403", _NOTHING),
    ("status_404_means_a_refused_request", _Swallows, RequestRefusedError, "404", _NOTHING),
    ("status_406_means_an_outdated_version", _Renames, ConfigurationError, "406", "PayloadError"),
    ("status_422_means_a_refused_request", _Renames, RequestRefusedError, "422", "PayloadError"),
    (
        "status_429_of_the_minute_means_wait_and_go_on",
        _Swallows,
        ProviderUnavailableError,
        "429 for some seconds",
        _NOTHING,
    ),
    (
        "status_429_of_the_day_means_come_back_later",
        _Renames,
        DayLimitError,
        "429 for the rest of the day",
        "PayloadError",
    ),
    ("status_500_means_try_again", _Renames, ProviderUnavailableError, "500", "PayloadError"),
    ("status_503_means_try_again", _Swallows, ProviderUnavailableError, "503", _NOTHING),
    ("html_instead_of_json_is_not_read_as_data", _Swallows, PayloadError, "a page", _NOTHING),
    ("truncated_json_is_not_read_as_data", _Swallows, PayloadError, "half of its body", _NOTHING),
):
    _broken(_check, _expected, _found, adapter=_wrong(_kind, _error))

_broken(
    "fewer_scopes_than_asked_are_an_error_and_never_fewer_figures",
    "AccessDeniedError, or the same figures, when the scope organisation.read was not granted",
    "no figures",
    adapter=_wrong(_Swallows, AccessDeniedError),
)
_broken(
    "revoked_grant_asks_for_a_person_and_is_not_asked_again",
    "ReconnectRequiredError when the grant was revoked at the provider",
    "figures",
    adapter=_wrong(_Swallows, ReconnectRequiredError),
)


# -- payroll


class TakesOneJob(toys.PocketpayAdapter):
    def employee(self, row: Mapping[str, Any]) -> Employee:
        return super().employee({**row, "jobs": row["jobs"][-1:]})


class CountsExpensesAsPay(toys.PocketpayAdapter):
    def cost(self, month: date, row: Mapping[str, Any]) -> PayrollCost:
        found = super().cost(month, row)
        return found.model_copy(update={"gross_pay": found.gross_pay + found.reimbursements})


class ForgetsTaxes(toys.PocketpayAdapter):
    def cost(self, month: date, row: Mapping[str, Any]) -> PayrollCost:
        return super().cost(month, {**row, "employer_taxes": "0.00"})


class LeavesEmptyMonthsOut(toys.PocketpayAdapter):
    async def get_payroll_costs(self, from_date: date) -> list[PayrollCost]:
        return [item for item in await super().get_payroll_costs(from_date) if item.total_cost]


class LogsPeople(toys.PocketpayAdapter):
    def employee(self, row: Mapping[str, Any]) -> Employee:
        _log.debug("parsing %s", row["name"])
        return super().employee(row)


class KeepsPersonalData(toys.PocketpayAdapter):
    def employee(self, row: Mapping[str, Any]) -> Employee:
        return super().employee({**row, "id": f"{row['id']}/{row['ssn']}"})


_PAY = toys.PAYROLL_PLUGIN
_broken(
    "people_are_those_of_the_company_spell_by_spell",
    "Dyer 2022-05-10 to 2024-12-31 at 2890.00 a month; Head Dyer 2025-01-01 to now",
    "Bruno Castellani: Head Dyer",
    base=_PAY,
    adapter=TakesOneJob,
)
_broken(
    "costs_of_every_month_equal_the_payrolls",
    "gross_pay of Cedar GmbH in 2025-02-28",
    base=_PAY,
    adapter=CountsExpensesAsPay,
)
_broken(
    "sums_prove_that_no_payroll_is_missing_or_twice",
    "gross pay, employer taxes and benefits of 2025-02-28 to add up to",
    base=_PAY,
    adapter=ForgetsTaxes,
)
_broken(
    "absent_and_zero_are_told_apart",
    "an entry for each of 14 months",
    "13 months",
    base=_PAY,
    adapter=LeavesEmptyMonthsOut,
)
_broken(
    "no_secret_and_no_personal_datum_in_logs_errors_and_figures",
    "no person's name or pay in logs",
    "parsing ",
    base=_PAY,
    adapter=LogsPeople,
)
_broken(
    "no_secret_and_no_personal_datum_in_logs_errors_and_figures",
    "no personal data that is not needed in figures",
    base=_PAY,
    adapter=KeepsPersonalData,
)

WITHOUT_SANDBOX = replace(
    toys.PLUGIN,
    name=IntegrationProvider("Lonely"),
    adapter=type("Lonely", (toys.PocketbooksAdapter,), {"name": "Lonely"}),
    sandbox=None,
)
