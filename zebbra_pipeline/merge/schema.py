"""
The parts of a model document that a merge needs, as Zebbra's planner defines them.

These types are only a view: documents keep all keys that are not named here.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from integrations.contracts.money import fits
from integrations.contracts.numbers import bounded_decimal

MODEL_MONTHS = 24
"""The planner always computes this many months, the first being that of `starting_month`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LAST_YEAR = 9990


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("not a day")
    day = date.fromisoformat(value)
    if day.year > _LAST_YEAR:
        raise ValueError("beyond the calendar")
    return day


def _amount(value: Any) -> Decimal:
    # A JSON fraction arrives as the nearest float. Its shortest text equals the original text,
    # so the Decimal is exact.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not an amount")  # noqa: TRY004 -- pydantic turns ValueErrors into paths
    amount = bounded_decimal(str(value))
    if not fits(amount):
        raise ValueError("not an amount")
    return amount


Day = Annotated[date, BeforeValidator(_day)]


class _View(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)


class Row(_View):
    """One line of a sheet; its fields are defined by the planner's evaluation rules."""

    id: str = Field(alias="_id", min_length=1)
    name: str
    val_type: Literal["number", "currency", "percentage"]
    editable: bool
    var_type: Literal["value", "formula", "integration"]
    time_series: bool
    starting_at: int = Field(ge=0)
    first_value_diff: bool
    value: str
    value_1: str | None = None
    integration_name: str | None = None
    integration_values: list[Any] | None = None
    decimal_places: int = Field(default=2, ge=0)


class Section(_View):
    """A group of rows with their total in the end row."""

    name: str
    rows: list[Row]
    end_row: Row


class SheetMeta(_View):
    """A sheet's name."""

    name: str


class Sheet(_View):
    """`Revenues` or `Costs`."""

    meta: SheetMeta
    assumptions: list[Row]
    sections: list[Section]


class ModelMeta(_View):
    """
    Metadata of a model.

    Attributes:
        starting_month: Any day of the model's first month.
        currency: ISO 4217 code; None in most documents, since the planner does not use it.
    """

    name: str
    starting_month: Day
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")


class ModelEmployee(_View):
    """
    One entry of the payroll.

    Attributes:
        end_date: Last day, inclusive; None while employed.
        monthly_salary: Full month, in the model's currency. A number in the document.
        from_integration: Whether a merge added the employee.
    """

    name: str | None = None
    start_date: Day
    end_date: Day | None = None
    monthly_salary: Annotated[Decimal, BeforeValidator(_amount)] = Field(repr=False)
    from_integration: bool = False


class Payroll(_View):
    """The employees of the model and their monthly cost."""

    payroll_values: list[Any] | None = None
    employees: list[ModelEmployee] = []


class Model(_View):
    """A whole document."""

    meta: ModelMeta
    sheets: list[Sheet]
    payroll: Payroll | None = None


_DAY_TEXT = "a day such as '2024-01-31'"
_TEXT_OR_NULL = "text or null"
_FLAG = "true or false"
_EXPECTED: Mapping[str, str] = {
    "_id": "text that is not empty",
    "name": "text",
    "val_type": "'number', 'currency' or 'percentage'",
    "editable": _FLAG,
    "var_type": "'value', 'formula' or 'integration'",
    "time_series": _FLAG,
    "starting_at": "a whole number, 0 or more",
    "first_value_diff": _FLAG,
    "value": "text",
    "value_1": _TEXT_OR_NULL,
    "integration_name": _TEXT_OR_NULL,
    "integration_values": "a list or null",
    "decimal_places": "a whole number, 0 or more",
    "sheets": "a list",
    "assumptions": "a list",
    "sections": "a list",
    "rows": "a list",
    "employees": "a list",
    "payroll_values": "a list or null",
    "starting_month": _DAY_TEXT,
    "currency": "a currency code such as 'GBP', or null",
    "start_date": _DAY_TEXT,
    "end_date": f"{_DAY_TEXT}, or null",
    "monthly_salary": "a number",
    "from_integration": _FLAG,
}

_FOUND = {
    "missing": "nothing",
    "string_too_short": "empty text",
    "greater_than_equal": "a smaller number",
}
_WRONG_TEXT = frozenset({"literal_error", "value_error", "string_pattern_mismatch"})


def problem_text(error: Mapping[str, Any]) -> str:
    """
    Return `path: expected ..., found ...` for one of pydantic's errors; it never contains a value.

    Paths look like `sheets[0].sections[1].rows[3].val_type`.
    """
    loc: tuple[str | int, ...] = error["loc"]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    expected = _EXPECTED.get(str(loc[-1]), "an object") if loc else "an object"
    found = _FOUND.get(error["type"]) or json_type(error["input"])
    if found == "text" and error["type"] in _WRONG_TEXT:
        found = "other text"
    if found == "a number" and error["type"] == "value_error":
        found = "one of more than 14 digits"
    return f"{path.removeprefix('.') or 'document'}: expected {expected}, found {found}"


def json_type(value: Any) -> str:
    """Return the JSON type of *value*, in words."""
    if value is None:
        return "null"
    for kind, name in (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__
