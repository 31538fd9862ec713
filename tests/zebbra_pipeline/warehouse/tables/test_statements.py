from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from support.warehouse import (
    APR,
    BALANCE,
    FEB,
    JAN,
    MAR,
    PNL,
    account,
    at,
    land,
    pull,
    stored,
    total,
    values_of,
    warehouse_in,
    writing,
)

from integrations.contracts import ALL_STATEMENTS, LineKind

D = Decimal


def test_a_first_fetch_is_stored_with_all_facts_of_the_provider(tmp_path):
    batch = pull(
        [JAN, FEB],
        account("a1", "Sales", "100.5", None),
        total("Total Income", "100.50", "0"),
        total("Net Profit", "7", "-3", section=(), kind=LineKind.COMPUTED_TOTAL),
        account("b1", "Bank", "50", "60", section=("Assets", "Bank"), statement=BALANCE),
        statements=ALL_STATEMENTS,
        lock_date=JAN,
    )

    with writing(tmp_path) as session:
        landing = land(session, batch)

    assert (landing.rows, landing.months, landing.replaced) == (8, (JAN, FEB), 0)
    assert (landing.restated, landing.changed, landing.reset) == (0, True, False)
    assert landing.rows_by_statement == {"balance_sheet": 2, "profit_and_loss": 6}
    rows = stored(
        tmp_path / "warehouse.duckdb",
        "SELECT * EXCLUDE (batch_id) FROM data_points WHERE month = '2026-02-28' "
        "ORDER BY statement DESC, position",
    )
    ids = ("acme", "Xero")
    pnl = (*ids, "profit_and_loss")
    assert rows == [
        (*pnl, 0, "Income", ["Income"], "a1", "Sales", "Sales", "account", FEB, None, "GBP", False),
        (
            *pnl,
            1,
            "Income",
            ["Income"],
            None,
            "Total Income",
            "Total Income",
            "section_total",
            FEB,
            D("0.0000"),
            "GBP",
            False,
        ),
        (
            *pnl,
            2,
            "",
            [],
            None,
            "Net Profit",
            "Net Profit",
            "computed_total",
            FEB,
            D("-3.0000"),
            "GBP",
            False,
        ),
        (
            *ids,
            "balance_sheet",
            0,
            "Assets / Bank",
            ["Assets", "Bank"],
            "b1",
            "Bank",
            "Bank",
            "account",
            FEB,
            D("60.0000"),
            "GBP",
            False,
        ),
    ]
    assert stored(tmp_path / "warehouse.duckdb", "SELECT DISTINCT batch_id FROM data_points") == [
        (landing.batch_id,)
    ]


def test_a_batch_is_recorded_with_its_facts(tmp_path):
    batch = pull([JAN, FEB], account("a1", "Sales", "1", "2"), lock_date=date(2025, 12, 31))

    with writing(tmp_path) as session:
        landing = land(session, batch)
        (info,) = session.batches("acme")
        same = session.last_batch("acme", "Xero")

    assert same == info
    assert (info.batch_id, info.workspace_id, info.integration) == (
        landing.batch_id,
        "acme",
        "Xero",
    )
    assert (info.tenant_id, info.tenant_name, info.api_type) == (
        "org-1",
        "Name of org-1",
        "accounting",
    )
    assert (info.covers, info.sequence) == (("profit_and_loss",), 1)
    assert (info.from_month, info.to_month) == (JAN, FEB)
    assert info.fetched_at == datetime(2026, 6, 15, 6, tzinfo=UTC)
    assert (info.run_id, info.api_calls, info.currency, info.basis) == (
        "run-1",
        2,
        "GBP",
        "accrual",
    )
    assert info.lock_date == date(2025, 12, 31)
    assert info.payload_sha256 == landing.payload_sha256
    assert len(info.payload_sha256) == 64


def test_a_refresh_replaces_only_the_months_it_covers(tmp_path):
    with writing(tmp_path) as session:
        first = land(session, pull([JAN, FEB, MAR], account("a1", "Sales", "1", "2", "3")))
        second = land(session, pull([MAR, APR], account("a1", "Sales", "30", "40")))

    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {JAN: 1, FEB: 2, MAR: 30, APR: 40}
    assert (second.rows, second.replaced, second.months) == (2, 1, (MAR, APR))
    assert stored(
        tmp_path / "warehouse.duckdb", "SELECT month, batch_id FROM data_points ORDER BY month"
    ) == [
        (JAN, first.batch_id),
        (FEB, first.batch_id),
        (MAR, second.batch_id),
        (APR, second.batch_id),
    ]


def test_a_fetch_of_one_statement_does_not_change_the_other(tmp_path):
    both = pull(
        [JAN],
        account("a1", "Sales", "1"),
        account("b1", "Bank", "50", statement=BALANCE),
        statements=ALL_STATEMENTS,
    )
    with writing(tmp_path) as session:
        first = land(session, both)
        land(session, pull([JAN, FEB], account("a1", "Sales", "9", "9")))

        assert session.landed_months("acme", "Xero", "balance_sheet") == (JAN,)
        assert session.landed_months("acme", "Xero", "profit_and_loss") == (JAN, FEB)
    assert stored(
        tmp_path / "warehouse.duckdb",
        "SELECT month, value, batch_id FROM data_points WHERE endpoint = 'Bank'",
    ) == [(JAN, 50, first.batch_id)]


def test_an_absent_account_gets_zero(tmp_path):
    with writing(tmp_path) as session:
        first = land(
            session,
            pull(
                [JAN, FEB],
                account("a1", "Sales", "1", "2"),
                total("Total Income", "1", "2"),
                total("Net Profit", "1", "2", section=(), kind=LineKind.COMPUTED_TOTAL),
            ),
        )
        land(session, pull([MAR], account("a2", "Rent", "7", section=("Costs",))))

    path = tmp_path / "warehouse.duckdb"
    assert values_of(path, "Sales") == {JAN: 1, FEB: 2, MAR: 0}
    assert values_of(path, "Total Income") == {JAN: 1, FEB: 2, MAR: 0}
    assert values_of(path, "Net Profit") == {JAN: 1, FEB: 2}
    assert values_of(path, "Rent") == {JAN: 0, FEB: 0, MAR: 7}
    assert stored(
        path, "SELECT batch_id FROM data_points WHERE endpoint = 'Rent' AND month = '2026-01-31'"
    ) == [(first.batch_id,)]


def test_months_of_an_empty_statement_count_as_landed(tmp_path):
    with writing(tmp_path) as session:
        empty = land(session, pull([JAN, FEB]))
        land(session, pull([MAR], account("a1", "Sales", "5")))

        assert session.landed_months("acme", "Xero", "profit_and_loss") == (JAN, FEB, MAR)
    assert (empty.rows, empty.changed) == (0, True)
    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {JAN: 0, FEB: 0, MAR: 5}


def test_months_that_were_never_fetched_are_not_filled(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
        land(session, pull([MAR], account("a1", "Sales", "3")))

    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {JAN: 1, MAR: 3}


def test_a_renamed_account_has_its_new_name_and_section_in_all_months(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2")))
        renamed = land(
            session, pull([FEB], account("a1", "Fees", "2", section=("Income", "Services")))
        )

        (series,) = session.figures("acme").series
    assert (series.endpoint, series.label, series.section) == (
        "Fees",
        "Fees",
        ("Income", "Services"),
    )
    assert {month: figure.value for month, figure in series.figures.items()} == {JAN: 1, FEB: 2}
    assert (renamed.changed, renamed.restated) == (True, 0)
    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {}


def test_lines_of_one_label_get_distinct_names_even_when_they_arrive_one_after_the_other(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
        land(
            session,
            pull(
                [FEB],
                account("a1", "Sales", "2"),
                account("a2", "Sales", "3", section=("Other Income",)),
            ),
        )

        names = [endpoint.endpoint for endpoint in session.endpoints("acme")]
    assert names == ["Income / Sales", "Other Income / Sales"]
    assert values_of(tmp_path / "warehouse.duckdb", "Income / Sales") == {JAN: 1, FEB: 2}
    assert values_of(tmp_path / "warehouse.duckdb", "Other Income / Sales") == {JAN: 0, FEB: 3}


def test_a_label_on_both_statements_is_qualified_by_its_section_or_statement(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Reserve", "1", section=())))
        land(
            session,
            pull(
                [JAN],
                account("b1", "Reserve", "2", section=(), statement=BALANCE),
                statements=frozenset({BALANCE}),
            ),
        )

        names = [endpoint.endpoint for endpoint in session.endpoints("acme")]
    assert names == ["Profit and Loss / Reserve", "Balance Sheet / Reserve"]


def test_removed_lines_stay_next_to_their_old_neighbours(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], *(account(f"a{n}", f"L{n}", "1") for n in range(5))))
        land(
            session,
            pull(
                [JAN], account("a4", "L4", "1"), account("a1", "L1", "1"), account("n", "New", "1")
            ),
        )

        names = [endpoint.endpoint for endpoint in session.endpoints("acme")]
    assert names == ["L0", "L4", "L1", "L2", "L3", "New"]


def test_two_rows_of_one_account_in_a_fetch_are_both_stored(tmp_path):
    lines = (account("a1", "Sales", "1"), account("a1", "Sales", "2"))
    with writing(tmp_path) as session:
        land(session, pull([JAN], *lines))
        again = land(session, pull([JAN], *lines))

        series = session.figures("acme").series
    assert [entry.figures[JAN].value for entry in series] == [1, 2]
    assert len({entry.endpoint for entry in series}) == 2
    assert again.changed is False


def test_totals_and_accounts_without_an_id_are_identified_by_position_and_label(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account(None, "Rounding", "1"), total("Total Income", "1")))
        land(session, pull([FEB], account(None, "ROUNDING", "2"), total("TOTAL income", "2")))

    path = tmp_path / "warehouse.duckdb"
    assert values_of(path, "ROUNDING") == {JAN: 1, FEB: 2}
    assert values_of(path, "TOTAL income") == {JAN: 1, FEB: 2}


def test_an_unchanged_fetch_is_reported_and_has_the_same_fingerprint(tmp_path):
    with writing(tmp_path) as session:
        first = land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2.50")))
        same = land(session, pull([JAN, FEB], account("a1", "Sales", "1.0000", "2.5")))
        other = land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2.51")))

    assert (same.changed, same.payload_sha256) == (False, first.payload_sha256)
    assert other.changed is True
    assert other.payload_sha256 != first.payload_sha256
    assert len({first.batch_id, same.batch_id, other.batch_id}) == 3


def test_a_month_is_provisional_until_it_had_ended_when_fetched(tmp_path):
    batch = pull([JAN, FEB], account("a1", "Sales", "1", "2"))
    with writing(tmp_path) as session:
        land(session, batch, day=FEB)
        on_last_day = session.figures("acme").series[0].figures
        final = land(session, batch, day=date(2026, 3, 1))
        day_after = session.figures("acme").series[0].figures

    assert [on_last_day[month].provisional for month in (JAN, FEB)] == [False, True]
    assert [day_after[month].provisional for month in (JAN, FEB)] == [False, False]
    assert final.changed is True


def test_the_books_of_another_tenant_replace_everything_and_restate_nothing(tmp_path):
    with writing(tmp_path) as session:
        first = land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2"), lock_date=FEB))
        land(session, pull([JAN], account("a1", "Sales", "5")), workspace="other")
        moved = land(session, pull([FEB], account("a1", "Sales", "9"), tenant="org-2"))

        history = [info.tenant_id for info in session.batches("acme")]
        assert session.landed_months("acme", "Xero", "profit_and_loss") == (FEB,)
    path = tmp_path / "warehouse.duckdb"
    assert (moved.reset, moved.changed, moved.restated) == (True, True, 0)
    assert values_of(path, "Sales") == {FEB: 9}
    assert values_of(path, "Sales", "other") == {JAN: 5}
    assert history == ["org-2", "org-1"]
    assert stored(path, "SELECT count(*) FROM restatements") == [(0,)]
    assert first.reset is False


def test_figures_in_another_currency_are_never_mixed_with_the_old_ones(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2")))
        changed = land(session, pull([FEB], account("a1", "Sales", "3"), currency="EUR"))

    assert changed.reset is True
    assert stored(
        tmp_path / "warehouse.duckdb", "SELECT month, value, currency FROM data_points"
    ) == [(FEB, 3, "EUR")]


def test_workspaces_and_integrations_do_not_see_each_other(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
        land(session, pull([JAN], account("a1", "Sales", "2"), integration="QuickBooks"))
        land(session, pull([JAN], account("a1", "Sales", "3")), workspace="bravo")

        assert session.landed_integrations("acme") == {"Xero", "QuickBooks"}
        assert session.landed_integrations("nobody") == frozenset()
        assert session.last_batch("bravo", "QuickBooks") is None
        acme = session.figures("acme")
        nobody = session.figures("nobody")
    assert [(s.integration, s.endpoint, s.figures[JAN].value) for s in acme.series] == [
        ("QuickBooks", "Sales", 2),
        ("Xero", "Sales", 1),
    ]
    assert acme.integrations == {"Xero", "QuickBooks"}
    assert (nobody.series, nobody.employees, nobody.integrations) == ((), (), frozenset())


def test_last_batch_can_be_asked_for_one_statement(tmp_path):
    with writing(tmp_path) as session:
        both = land(session, pull([JAN], statements=ALL_STATEMENTS))
        land(session, pull([FEB], statements=frozenset({PNL})))

        info = session.last_batch("acme", "Xero", "balance_sheet")
    assert info is not None
    assert info.batch_id == both.batch_id


def test_endpoints_and_summary_describe_what_has_landed(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")), workspace="bravo")
        land(session, pull([JAN, FEB], account("a1", "Sales", "1", "2"), lock_date=JAN))
        land(
            session, pull([FEB], account("a1", "Sales", "2"), lock_date=FEB), day=date(2026, 6, 16)
        )

        (endpoint,) = session.endpoints("acme")
        acme, bravo = session.workspaces()
    assert (endpoint.integration, endpoint.endpoint, endpoint.statement, endpoint.kind) == (
        "Xero",
        "Sales",
        "profit_and_loss",
        "account",
    )
    assert (endpoint.first_month, endpoint.last_month, endpoint.currency) == (JAN, FEB, "GBP")
    assert (endpoint.section, endpoint.account_id, endpoint.label) == (("Income",), "a1", "Sales")
    assert (acme.workspace_id, acme.months, acme.rows, acme.batches) == ("acme", 2, 2, 2)
    assert (acme.first_month, acme.last_month, acme.lock_date) == (JAN, FEB, FEB)
    assert (acme.fetched_at, acme.tenant_name) == (at(date(2026, 6, 16)), "Name of org-1")
    assert (bravo.workspace_id, bravo.rows, bravo.batches) == ("bravo", 1, 1)


def test_labels_with_quotes_and_other_scripts_are_returned_unchanged(tmp_path):
    label = """Café "O'Neil" \\ / 売上; DROP TABLE data_points; --"""
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("it's", label, "1", section=("A / B", "C"))))

        (series,) = session.figures("acme").series
    assert (series.label, series.endpoint, series.account_id) == (label, label, "it's")
    assert series.section == ("A / B", "C")


def test_the_largest_amounts_are_exact(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN, FEB], account("a1", "Sales", "99999999999999.9999", "-0.0001")))

    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {
        JAN: D("99999999999999.9999"),
        FEB: D("-0.0001"),
    }


def test_an_amount_too_large_is_refused_without_showing_it_and_the_session_remains_usable(tmp_path):
    with writing(tmp_path) as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
        with pytest.raises(ValueError, match=r"Sales.*2026-01-31: expected an amount") as caught:
            land(session, pull([JAN], account("a1", "Sales", "123456789012345")))
        land(session, pull([JAN], account("a1", "Sales", "2")), workspace="bravo")

        assert len(session.batches("acme")) == 1
    assert "123456789012345" not in str(caught.value)
    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {JAN: 1}
    assert values_of(tmp_path / "warehouse.duckdb", "Sales", "bravo") == {JAN: 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: land(s, pull([JAN]), workspace="a/b"), "workspace id"),
        (lambda s: land(s, pull([])), "at least one month"),
        (
            lambda s: s.land_statements(
                "acme",
                pull([JAN]),
                run_id="r",
                fetched_at=datetime(2026, 1, 1),  # noqa: DTZ001 -- the mistake
                api_calls=0,
            ),
            "timezone-aware",
        ),
    ],
)
def test_input_that_cannot_be_stored_is_refused(tmp_path, call, message):
    with writing(tmp_path) as session, pytest.raises(ValueError, match=message):
        call(session)


def test_the_file_is_closed_and_whole_after_each_session(tmp_path):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("one") as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
    with warehouse.write("two") as session:
        land(session, pull([FEB], account("a1", "Sales", "2")))

    assert values_of(tmp_path / "warehouse.duckdb", "Sales") == {JAN: 1, FEB: 2}
    assert not (tmp_path / "warehouse.duckdb.wal").exists()
