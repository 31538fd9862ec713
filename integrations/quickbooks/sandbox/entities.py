"""Company, preferences and accounts of the sandbox, in QuickBooks' JSON."""

from typing import Any

from integrations.quickbooks.sandbox.chart import Chart, type_of
from integrations.sandbox_kit.books import Account, Books

_STAMP = "2022-01-01T00:00:00-08:00"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def company_info(books: Books) -> dict[str, Any]:
    """Return the company's entry."""
    company = books.company
    return {
        "CompanyName": company.name,
        "LegalName": company.name,
        "CompanyStartDate": "2022-01-01",
        "FiscalYearStartMonth": _MONTHS[books.year_start(books.today).month - 1],
        "Country": company.country,
        "SupportedLanguages": "en",
        "NameValue": [{"Name": "IsQbdtMigrated", "Value": "false"}],
        **_managed("1"),
    }


def preferences(books: Books) -> dict[str, Any]:
    """Return the company's preferences; the closing date is left out where the books are open."""
    accounting = {
        "UseAccountNumbers": True,
        "TrackDepartments": False,
        "ClassTrackingPerTxn": False,
        "CustomerTerminology": "Customers",
    }
    locks = [day for day in (books.lock_date, books.year_lock_date) if day is not None]
    if locks:
        accounting["BookCloseDate"] = max(locks).isoformat()
    return {
        "AccountingInfoPrefs": accounting,
        "ReportPrefs": {"ReportBasis": "Cash", "CalcAgingReportFromTxnDate": False},
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": False,
            "HomeCurrency": {"value": books.company.currency},
        },
        **_managed("1"),
    }


def accounts(chart: Chart) -> list[dict[str, Any]]:
    """Return the chart of accounts, inactive accounts included."""
    return [_account(chart, account) for account in chart.books.accounts]


def _account(chart: Chart, account: Account) -> dict[str, Any]:
    type_, classification = type_of(account)
    parent = chart.parent_of(account)
    entry = {
        "Name": account.name,
        "SubAccount": parent is not None,
        "FullyQualifiedName": ":".join(chart.path_of(account)),
        "Active": not account.archived,
        "Classification": classification,
        "AccountType": type_,
        "AcctNum": account.code,
        "CurrencyRef": {"value": chart.books.company.currency},
        **_managed(chart.id_of(account)),
    }
    if parent is not None:
        entry["ParentRef"] = {"value": chart.id_of(parent)}
    return entry


def _managed(id_: str) -> dict[str, Any]:
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": id_,
        "SyncToken": "0",
        "MetaData": {"CreateTime": _STAMP, "LastUpdatedTime": _STAMP},
    }
