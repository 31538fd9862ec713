"""Organisation, accounts and connections of the sandbox, in Xero's JSON."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from integrations.sandbox_kit.books import AccountKind, Books

_EARLY = datetime(2022, 1, 1, tzinfo=UTC)
_VERSIONS = {"GB": "UK", "US": "US", "AU": "AU", "NZ": "NZ"}
"""Xero's editions; all other countries share one."""
_TYPES: Mapping[AccountKind, tuple[str, str]] = {
    AccountKind.INCOME: ("REVENUE", "REVENUE"),
    AccountKind.COST_OF_SALES: ("DIRECTCOSTS", "EXPENSE"),
    AccountKind.OTHER_INCOME: ("OTHERINCOME", "REVENUE"),
    AccountKind.EXPENSE: ("OVERHEADS", "EXPENSE"),
    AccountKind.BANK: ("BANK", "ASSET"),
    AccountKind.CURRENT_ASSET: ("CURRENT", "ASSET"),
    AccountKind.FIXED_ASSET: ("FIXED", "ASSET"),
    AccountKind.CURRENT_LIABILITY: ("CURRLIAB", "LIABILITY"),
    AccountKind.LONG_TERM_LIABILITY: ("TERMLIAB", "LIABILITY"),
    AccountKind.EQUITY: ("EQUITY", "EQUITY"),
}


def organisation(books: Books) -> dict[str, Any]:
    """Return the organisation's entry; lock dates are left out where none is set."""
    company = books.company
    month, day = company.year_end
    entry: dict[str, Any] = {
        "Name": company.name,
        "LegalName": company.name,
        "PaysTax": True,
        "Version": _VERSIONS.get(company.country, "GLOBAL"),
        "OrganisationType": "COMPANY",
        "BaseCurrency": company.currency,
        "CountryCode": company.country,
        "IsDemoCompany": True,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": day,
        "FinancialYearEndMonth": month,
        "CreatedDateUTC": microsoft(_EARLY),
        "OrganisationEntityType": "COMPANY",
        "Timezone": company.timezone,
        "ShortCode": f"!{company.id[:5]}",
        "OrganisationID": company.id,
        "Edition": "BUSINESS",
        "Class": "DEMO",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
    if books.lock_date is not None:
        entry["PeriodLockDate"] = _microsoft_day(books.lock_date)
    if books.year_lock_date is not None:
        entry["EndOfYearLockDate"] = _microsoft_day(books.year_lock_date)
    return entry


def accounts(books: Books) -> list[dict[str, Any]]:
    """Return the chart of accounts, archived accounts included."""
    return [
        {
            "AccountID": account.id,
            "Code": account.code,
            "Name": account.name,
            "Status": "ARCHIVED" if account.archived else "ACTIVE",
            "Type": _TYPES[account.kind][0],
            "Class": _TYPES[account.kind][1],
            "TaxType": "NONE",
            "EnablePaymentsToAccount": False,
            "ShowInExpenseClaims": False,
            "ReportingCode": "",
            "HasAttachments": False,
            "UpdatedDateUTC": microsoft(_EARLY),
        }
        for account in books.accounts
    ]


def microsoft(moment: datetime) -> str:
    """Return a moment the way Xero's JSON writes it: `/Date(1546214400000+0000)/`."""
    return f"/Date({int(moment.timestamp() * 1000)}+0000)/"


def _microsoft_day(day: date) -> str:
    return microsoft(datetime(day.year, day.month, day.day, tzinfo=UTC))
