"""
The expected figures of a sandbox, read from its control API.

A sandbox computes its provider's answers from its own books. Its control API returns the same
books in one plain shape, which the checks compare with the result of the plugin. All routes are
`GET` under `/_control/`, amounts are text, days are ISO dates, months are named by their last day:

- accounting: `books?tenant_id=&from=&to=`

      {"tenant_id", "name", "currency",
       "accounts": [{"id", "name", "kind"}],
       "months": {"2026-01-31": {"<account id>": "12.50", ...}, ...},
       "net_profit": {"2026-01-31": "7.00", ...},
       "current_year_earnings": {"2026-01-31": "7.00", ...}}

  *kind* is one of `income`, `other_income`, `cost_of_sales`, `expense` (the figure is the
  month's movement) or any other word (the balance at the month's end). Amounts have the natural sign of
  their account. An account that a month leaves out, or gives as null, has no figure there: not
  even zero. *current_year_earnings* is for providers that show the year's profit as an account.

- payroll: `payroll?tenant_id=&from=&to=`

      {"tenant_id", "name", "currency",
       "people": [{"id", "name", "spells": [{"title", "start", "end", "monthly_salary"}]}],
       "months": {"2026-01-31": {"gross_pay", "employer_taxes", "benefits", "reimbursements",
                                 "total_cost"}, ...}}

  People who have left are included; *end* is null while a spell lasts.

- optional: `personal` -> `{"texts": [...]}`: personal data in answers that a plugin does not need
  (social security numbers, birth dates, addresses, phones, e-mail addresses).

- optional: `POST page_size {"rows": n}`: pages have at most *n* rows from now until a reset. A
  provider that pages has it; without it, paging is not checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.sandbox_kit import SandboxControl
from integrations.testing.expectations import HarnessError

_FLOWS = frozenset({"income", "other_income", "cost_of_sales", "expense"})


@dataclass(frozen=True, slots=True)
class BooksTruth:
    """
    Figures of an organisation.

    Attributes:
        names: Account names by id.
        flows: Ids of the accounts of the profit and loss.
        months: Figure by month end, then by account id; None where there is none.
        net_profit: By month end.
        earnings: The financial year's profit up to a month's end, by month end; may be empty.
    """

    currency: str
    names: Mapping[str, str]
    flows: frozenset[str]
    months: Mapping[date, Mapping[str, Decimal | None]]
    net_profit: Mapping[date, Decimal]
    earnings: Mapping[date, Decimal]

    def figure(self, account_id: str, month: date) -> Decimal | None:
        """Return an account's figure of a month; None where there is none."""
        return self.months[month].get(account_id)

    def figures(self, account_id: str) -> dict[date, Decimal | None]:
        """Return an account's figures of all months."""
        return {month: self.figure(account_id, month) for month in self.months}


@dataclass(frozen=True, slots=True)
class Spell:
    """A job at one pay, both days counted."""

    title: str
    start: date
    end: date | None
    monthly_salary: Decimal


@dataclass(frozen=True, slots=True)
class PayrollTruth:
    """
    People and costs of a company.

    Attributes:
        people: Name and spells, oldest first, by id.
        months: The parts of the cost and `total_cost`, by month end.
    """

    currency: str
    people: Mapping[str, tuple[str, tuple[Spell, ...]]]
    months: Mapping[date, Mapping[str, Decimal]]


def books_of(control: SandboxControl, tenant_id: str, first: date, last: date) -> BooksTruth:
    """
    Ask an accounting sandbox for its books.

    Raises:
        HarnessError: If the route is missing or its answer has another shape.
    """
    found = _asked(control, "books", tenant_id, first, last)
    try:
        return BooksTruth(
            currency=found["currency"],
            names={item["id"]: item["name"] for item in found["accounts"]},
            flows=frozenset(item["id"] for item in found["accounts"] if item["kind"] in _FLOWS),
            months={
                date.fromisoformat(month): {
                    account: None if amount is None else Decimal(amount)
                    for account, amount in figures.items()
                }
                for month, figures in found["months"].items()
            },
            net_profit=_by_month(found["net_profit"]),
            earnings=_by_month(found.get("current_year_earnings", {})),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as exc:
        raise _misshapen("books", exc) from exc


def payroll_of(control: SandboxControl, tenant_id: str, first: date, last: date) -> PayrollTruth:
    """
    Ask a payroll sandbox for its people and costs.

    Raises:
        HarnessError: If the route is missing or its answer has another shape.
    """
    found = _asked(control, "payroll", tenant_id, first, last)
    try:
        return PayrollTruth(
            currency=found["currency"],
            people={
                person["id"]: (person["name"], tuple(map(_spell, person["spells"])))
                for person in found["people"]
            },
            months={
                date.fromisoformat(month): {name: Decimal(text) for name, text in parts.items()}
                for month, parts in found["months"].items()
            },
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as exc:
        raise _misshapen("payroll", exc) from exc


def needless_texts(control: SandboxControl) -> list[str]:
    """Return the personal data that a plugin does not need; empty without such a route."""
    try:
        return [str(text) for text in control.get("personal")["texts"]]
    except RuntimeError:
        return []


def _asked(
    control: SandboxControl, what: str, tenant_id: str, first: date, last: date
) -> dict[str, Any]:
    try:
        return control.get(
            what, **{"tenant_id": tenant_id, "from": first.isoformat(), "to": last.isoformat()}
        )
    except RuntimeError as exc:
        raise HarnessError(
            f"the sandbox does not tell what is true: {exc}; integrations.testing.truth says what "
            f"GET _control/{what} answers"
        ) from exc


def _misshapen(what: str, exc: Exception) -> HarnessError:
    return HarnessError(
        f"GET _control/{what} of the sandbox: expected the shape that integrations.testing.truth "
        f"describes, found something else ({type(exc).__name__}: {exc})"
    )


def _by_month(found: Mapping[str, str]) -> dict[date, Decimal]:
    return {date.fromisoformat(month): Decimal(text) for month, text in found.items()}


def _spell(found: Mapping[str, Any]) -> Spell:
    end = found["end"]
    return Spell(
        title=found["title"],
        start=date.fromisoformat(found["start"]),
        end=None if end is None else date.fromisoformat(end),
        monthly_salary=Decimal(found["monthly_salary"]),
    )
