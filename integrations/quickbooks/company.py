"""
What `CompanyInfo` and `Preferences` say about a company. Pure.

https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/companyinfo and
https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/preferences
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from integrations.contracts import PayloadError


def company_path(realm: str, rest: str) -> str:
    """Return a path below the host root, for one company."""
    return f"v3/company/{realm}/{rest}"


def parse_company_name(payload: Any) -> str | None:
    """
    Return what the company is called; None if it has no name.

    Raises:
        PayloadError: If the answer is about something else.
    """
    info = _object(payload, "CompanyInfo")
    for key in ("CompanyName", "LegalName"):
        name = info.get(key)
        if isinstance(name, str) and name.strip():
            return name.strip()
    return None


def parse_closing_date(payload: Any) -> date | None:
    """
    Return the last day of the closed books (`AccountingInfoPrefs.BookCloseDate`), if any.

    Raises:
        PayloadError: If the answer is about something else, or the date is none.
    """
    preferences = _object(payload, "Preferences").get("AccountingInfoPrefs")
    value = preferences.get("BookCloseDate") if isinstance(preferences, Mapping) else None
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PayloadError(
            "Preferences: AccountingInfoPrefs.BookCloseDate: expected a date such as "
            f"'2026-01-31', found {type(value).__name__} in another form"
        ) from None


def _object(payload: Any, key: str) -> Mapping[str, Any]:
    found = payload.get(key) if isinstance(payload, Mapping) else None
    if not isinstance(found, Mapping):
        raise PayloadError(f"{key}: expected an object, found {type(found).__name__}")
    return found
