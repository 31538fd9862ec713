"""
What `intuit-oauth` and `python-quickbooks` make of the emulator, as JSON on standard output.

Run by test_public_clients.py in an environment that has these clients and none of this project.

Usage: python public_clients.py <the emulator's root> <company id>
"""

import json
import os
import sys
from urllib.parse import parse_qsl, urlsplit

import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    ValidationException,
)
from quickbooks.objects import Account, CompanyInfo, Preferences

REDIRECT = "http://localhost:8765/integration/quickbooks/callback"
MONTHS = {
    "start_date": "2024-01-01",
    "end_date": "2024-03-31",
    "summarize_column_by": "Month",
    "accounting_method": "Accrual",
}


def main(base: str, realm: str) -> dict:
    """Connect, read everything, disconnect."""
    auth = AuthClient(
        "client", "secret", REDIRECT, environment=f"{base}/.well-known/openid_configuration"
    )
    callback = allowed(auth.get_authorization_url([Scopes.ACCOUNTING]), realm)
    auth.get_bearer_token(callback["code"], realm_id=callback["realmId"])
    first = auth.refresh_token
    auth.refresh()
    found = {
        "state_came_back": callback["state"] == auth.state_token,
        "realm": auth.realm_id,
        "same_refresh_token": auth.refresh_token == first,
        "refresh_token_lives_s": auth.x_refresh_token_expires_in,
    }

    QuickBooks.api_url_v3 = f"{base}/v3"
    client = QuickBooks(
        auth_client=auth, refresh_token=auth.refresh_token, company_id=realm, minorversion=75
    )
    found |= {
        "company": CompanyInfo.get(realm, qb=client).CompanyName,
        "closing_date": Preferences.get(qb=client).AccountingInfoPrefs.BookCloseDate,
        "accounts": {
            account.Id: [account.FullyQualifiedName, account.AccountType, account.SubAccount]
            for account in Account.all(max_results=1000, qb=client)
        },
        "account_count": Account.count(qb=client),
        "profit_and_loss": client.get_report("ProfitAndLoss", dict(MONTHS)),
        "balance_sheet": client.get_report("BalanceSheet", dict(MONTHS)),
        "bad_parameter": refusal(
            ValidationException,
            lambda: client.get_report("ProfitAndLoss", {"summarize_column_by": "Moons"}),
        ),
        "unknown_report": refusal(
            ObjectNotFoundException, lambda: client.get_report("Horoscope", {})
        ),
    }

    auth.revoke()
    found["revoked_token"] = refusal(
        AuthorizationException, lambda: CompanyInfo.get(realm, qb=client)
    )
    found["revoked_refresh"] = refusal(AuthClientError, auth.refresh)
    return found


def allowed(authorize_url: str, realm: str) -> dict:
    """Play the person at the consent page; return the redirect's parameters."""
    form = dict(parse_qsl(urlsplit(authorize_url).query))
    form |= {"tenant_id": realm, "decision": "allow"}
    page = authorize_url.partition("?")[0]
    answer = requests.post(page, data=form, allow_redirects=False, timeout=10)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def refusal(kind: type, action) -> str:
    """Return the name of the error that *action* must end with."""
    try:
        action()
    except kind as exc:
        return type(exc).__name__
    return "none"


if __name__ == "__main__":
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the emulator speaks plain HTTP
    os.environ["NO_PROXY"] = "localhost"
    json.dump(main(*sys.argv[1:]), sys.stdout)
