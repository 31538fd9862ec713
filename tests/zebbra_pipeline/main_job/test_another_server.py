"""Pointed by settings at another server that speaks the provider's protocol: no code change."""

from datetime import date
from decimal import Decimal

from support.other_xero import BANK, SALES, OtherServer, sales_of
from support.stack import running_stack

from integrations.contracts import month_ends
from integrations.sandbox_kit.browser import Browser, redirect_of
from integrations.sandbox_kit.connecting import begin_login
from zebbra_pipeline.cli.context import ask_service


def test_settings_alone_lead_the_pipeline_to_another_server(tmp_path):
    with OtherServer() as url:
        addresses = {
            "XERO_CLIENT_ID": "their-client",
            "XERO_CLIENT_SECRET": "their-secret",
            "XERO_AUTHORIZE_URL": f"{url}/sign-in",
            "XERO_TOKEN_URL": f"{url}/token-desk",
            "XERO_API_BASE_URL": url,  # without a slash at its end
        }
        with running_stack(tmp_path, today=date(2024, 6, 12), settings=addresses) as stack:
            link = ask_service(stack.settings, lambda service: service.connect_link("acme"))
            browser = Browser()
            browser.get(link["url"], follow=True)
            left = begin_login(browser, stack.oauth_url, "acme", "xero")
            page = browser.get(redirect_of(left), follow=True)
            assert "Elsewhere Ltd" in page.text, page.url
            result = stack.refresh(acme="xero")
            landed = stack.query(
                "SELECT account_id, month, value, currency FROM data_points WHERE kind = 'account'"
            )

    assert result.failures == {}
    months = month_ends(date(2022, 7, 1), date(2024, 6, 30))
    assert {(account, month): value for account, month, value, _ in landed} == {
        **{(SALES, m): Decimal(sales_of(m.year, m.month)) for m in months},
        **{(BANK, m): Decimal("5.00") for m in months},
    }
    assert {currency for *_, currency in landed} == {"SEK"}
