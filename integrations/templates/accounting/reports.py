"""
The JSON of DemoBooks in, typed lines out. Pure: no client, no clock, no database.

Nearly all tests of a plugin are about this module: give it answers as the provider documents
them, and broken ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from integrations.contracts import PayloadError, Statement, StatementLine


@dataclass(frozen=True, slots=True)
class Organisation:
    """
    What a batch says about the organisation.

    Attributes:
        name: What its people call it now.
        currency: ISO 4217 code of its reports, e.g. `"GBP"`.
        lock_date: Last day that is locked against changes, if any.
    """

    name: str
    currency: str
    lock_date: date | None


def parse_organisation(payload: Any) -> Organisation:
    """
    Return what a batch says about the organisation.

    Raises:
        PayloadError: If the answer does not have the shape that the provider documents.
    """
    # FILL IN: read the fields, and say by place and type what is not as documented, never by
    # value: "DemoBooks: organisation.currency: expected text, found int".
    found = type(payload).__name__
    raise PayloadError(f"DemoBooks: fill in reports.parse_organisation ({found})")


def parse_report(
    payload: Any, statement: Statement, months: Sequence[date]
) -> tuple[StatementLine, ...]:
    """
    Return a statement's lines in the provider's order, each with a value for all *months*.

    Raises:
        PayloadError: If the answer does not have the shape that the provider documents, or is
            about other months.
    """
    # FILL IN: make a `StatementLine` of each row; its docstring says what each field means.
    # Accounts are known by the provider's id, totals have none. Amounts go through
    # `parse_amount`, which takes text and JSON numbers and never a float. Check that the columns
    # are the months that were asked for. See the example answer of each report, and the page
    # that explains its row or section types.
    found = f"{statement.value}, {len(months)} months, {type(payload).__name__}"
    raise PayloadError(f"DemoBooks: fill in reports.parse_report ({found})")
