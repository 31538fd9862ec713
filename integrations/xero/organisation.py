"""
What `GET /Organisation` says about a tenant. Pure.

https://developer.xero.com/documentation/api/accounting/organisation
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from integrations.contracts import PayloadError, ReconnectRequiredError
from integrations.xero.connections import XeroConnection

_MICROSOFT = re.compile(r"/Date\((-?[0-9]{1,18})(?:[+-][0-9]{4})?\)/")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Organisation:
    """
    The facts that reports lack.

    Attributes:
        id: None where the answer has none.
        currency: ISO 4217 code of all report figures.
        lock_date: Last day that nobody, or only an adviser, may still change.
        short_code: What Xero's own pages call it, e.g. `!mBdtL`.
        country: ISO 3166 code.
    """

    id: str | None
    name: str | None
    currency: str
    lock_date: date | None
    short_code: str | None = None
    country: str | None = None


def parse_organisation(payload: Any) -> Organisation:
    """
    Return the one organisation of the answer.

    Raises:
        PayloadError: If there is not exactly one, or it has no currency.
    """
    items = payload.get("Organisations") if isinstance(payload, Mapping) else None
    if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], Mapping):
        found = f"list of length {len(items)}" if isinstance(items, list) else "none"
        raise PayloadError(f"Organisation: Organisations: expected 1 object, found {found}")
    item = items[0]
    currency = item.get("BaseCurrency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise PayloadError(
            "Organisation: BaseCurrency: expected a currency code such as 'GBP', "
            f"found {'other text' if isinstance(currency, str) else type(currency).__name__}"
        )
    locks = [
        day
        for key in ("PeriodLockDate", "EndOfYearLockDate")
        if (day := _day(item.get(key), f"Organisation: {key}")) is not None
    ]
    return Organisation(
        id=_text(item.get("OrganisationID")),
        name=_text(item.get("Name")),
        currency=currency,
        lock_date=max(locks, default=None),
        short_code=_text(item.get("ShortCode")),
        country=_text(item.get("CountryCode")),
    )


def has_id_of(organisation: Organisation, *, tenant_id: str) -> bool:
    """
    Whether an organisation's id is that of the tenant, as far as can be told.

    No page of Xero's promises that the two ids are the same, so a different one calls for
    `check_name`. An answer without a UUID says nothing.
    """
    pinned, answered = _uuid(tenant_id), _uuid(organisation.id)
    return pinned is None or answered is None or pinned == answered


def check_name(
    organisation: Organisation, connections: Sequence[XeroConnection], *, tenant_id: str
) -> None:
    """
    Refuse figures of another organisation than the pinned one.

    Raises:
        ReconnectRequiredError: If the connections know the pinned tenant by another name, or
            not at all.
    """
    names = [item.tenant_name for item in connections if item.tenant_id == tenant_id]
    if organisation.name is None or organisation.name not in names:
        known = repr(names[0]) if names else "an organisation"
        raise ReconnectRequiredError(
            f"Xero: expected {known} ({tenant_id}), which was connected, "
            f"found {organisation.name!r} ({organisation.id})"
        )


def _day(value: Any, where: str) -> date | None:
    """Read `/Date(1546214400000+0000)/` or ISO 8601; the day is meant in UTC."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if match := _MICROSOFT.fullmatch(value):
            with suppress(OverflowError):
                return (_EPOCH + timedelta(milliseconds=int(match.group(1)))).date()
        try:
            return datetime.fromisoformat(value).date()
        except ValueError:
            pass
    raise PayloadError(f"{where}: expected a date, found {type(value).__name__} in another form")


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value or "")
    except ValueError:
        return None
