from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from integrations.contracts import (
    DataBatch,
    IntegrationProvider,
    LineKind,
    Statement,
    StatementLine,
)

JAN, FEB = date(2024, 1, 31), date(2024, 2, 29)


def a_line(label: str, *section: str, account_id: str | None = None, **more) -> StatementLine:
    return StatementLine(
        statement=more.get("statement", Statement.PROFIT_AND_LOSS),
        section=section,
        account_id=account_id,
        label=label,
        kind=LineKind.ACCOUNT if account_id else LineKind.COMPUTED_TOTAL,
        values=more.get("values", {JAN: Decimal("1.50"), FEB: None}),
    )


def a_batch(*lines: StatementLine, dates=(JAN, FEB)) -> DataBatch:
    return DataBatch(
        integration=IntegrationProvider("Xero"),
        tenant_id="t",
        tenant_name="T",
        currency="GBP",
        dates=dates,
        lines=lines,
    )


def test_data_is_the_predecessors_shape_by_endpoint_and_date():
    batch = a_batch(a_line("Sales", "Income", account_id="a"))

    assert batch.data == {"Sales": {JAN: Decimal("1.50"), FEB: None}}


def test_a_label_in_two_sections_is_qualified_in_both():
    batch = a_batch(
        a_line("Sales", "Income", account_id="a"),
        a_line("Sales", "Other Income", account_id="b"),
        a_line("Rent", "Expenses", account_id="c"),
    )

    assert batch.endpoints == ("Income / Sales", "Other Income / Sales", "Rent")


def test_lines_that_differ_in_their_statement_only_are_told_apart_by_it():
    batch = a_batch(
        a_line("Net", account_id=None),
        a_line("Net", account_id=None, statement=Statement.BALANCE_SHEET),
    )

    assert batch.endpoints == ("Profit and Loss / Net", "Balance Sheet / Net")


def test_lines_alike_in_all_but_their_account_are_told_apart_by_its_id():
    batch = a_batch(
        a_line("Sales", "Income", account_id="a"), a_line("Sales", "Income", account_id="b")
    )

    assert batch.endpoints == (
        "Profit and Loss / Income / Sales #a",
        "Profit and Loss / Income / Sales #b",
    )


def test_a_label_that_looks_like_another_lines_qualified_name_stays_distinct():
    batch = a_batch(
        a_line("Income / Sales", "Odd", account_id="x"),
        a_line("Sales", "Income", account_id="a"),
        a_line("Sales", "Other Income", account_id="b"),
    )

    assert len(set(batch.endpoints)) == 3
    assert batch.endpoints[0] == "Income / Sales"


def test_a_batch_refuses_a_line_that_leaves_a_month_out():
    with pytest.raises(ValidationError, match="one value for each date"):
        a_batch(a_line("Sales", account_id="a", values={JAN: Decimal(1)}))


@pytest.mark.parametrize("dates", [(FEB, JAN), (JAN, JAN), (date(2024, 1, 30), FEB)])
def test_a_batch_refuses_dates_that_are_no_ascending_month_ends(dates):
    with pytest.raises(ValidationError, match="distinct month ends"):
        a_batch(dates=dates)
