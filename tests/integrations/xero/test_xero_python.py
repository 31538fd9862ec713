"""Xero's own Python client works against the emulator."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from support.xero_sandbox import ACME, Connection, XeroSandbox, books, connected

TODAY = date(2024, 3, 31)


async def test_official_client_refreshes_and_reads_the_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected(TODAY) as (sandbox, connection):
        await asyncio.to_thread(_read_everything, sandbox, connection, monkeypatch)


def _read_everything(
    sandbox: XeroSandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xero_python.accounting import AccountingApi
    from xero_python.api_client import ApiClient
    from xero_python.api_client.configuration import Configuration
    from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
    from xero_python.identity import IdentityApi

    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{sandbox.base}/connect/token")
    kept = {
        "access_token": connection.tokens.access_token.get_secret_value(),
        "refresh_token": connection.tokens.refresh_token.get_secret_value(),
        "scope": list(connection.tokens.scopes),
        "expires_in": 1800,
        "expires_at": 0,  # long past: the client refreshes before its first call
        "token_type": "Bearer",
        "id_token": "none",
    }
    saved: list[dict[str, object]] = [kept]
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id="test-client", client_secret="secret")),
        pool_threads=1,
        oauth2_token_saver=saved.append,
        oauth2_token_getter=lambda: saved[-1],
    )
    accounting = AccountingApi(client, base_url=f"{sandbox.base}/api.xro/2.0")

    (found,) = IdentityApi(client, base_url=sandbox.base).get_connections()
    assert found.tenant_id == ACME.id
    assert saved[-1]["refresh_token"] != kept["refresh_token"]

    (organisation,) = accounting.get_organisations(ACME.id).organisations
    assert organisation.base_currency.value == "GBP"
    assert organisation.period_lock_date == books(ACME, TODAY).lock_date

    profit = accounting.get_report_profit_and_loss(
        ACME.id,
        from_date="2024-03-01",
        to_date="2024-03-31",
        periods=11,
        timeframe="MONTH",
        standard_layout=True,
    ).reports[0]
    net = [cell.value for cell in profit.rows[-1].rows[0].cells]
    truth = books(ACME, TODAY)
    assert Decimal(net[2]) == truth.net_profit(date(2024, 2, 1), date(2024, 2, 29))
    assert len(net) == 13

    balance = accounting.get_report_balance_sheet(
        ACME.id, date="2024-03-31", periods=1, timeframe="MONTH"
    ).reports[0]
    assert balance.report_titles[2] == "As at 31 March 2024"
    equity = [cell.value for cell in balance.rows[-1].rows[-1].cells]
    assert equity[0] == "Total Equity"

    accounts = accounting.get_accounts(ACME.id).accounts
    assert {account.name for account in accounts} >= {"Café", "Rent [HQ]"}
