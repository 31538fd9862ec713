"""What the operator sees on `/admin`: which connections, and what of each."""

import re
from datetime import timedelta

from sqlalchemy import insert
from support.oauth_rig import Rig, heading
from support.operator import ONE, a_mixed_office, listed_workspaces, operator

from oauth_service.store import ConnectionState, Order, Outcome, Store, Wanted
from oauth_service.store.schema import connections, refresh_history, workspaces


def test_connections_are_listed_with_state_age_idle_time_and_latest_event(rig: Rig) -> None:
    rig.connect()
    person = operator(rig)
    rig.clock.advance(20 * 60)
    text = person.http.get("/admin").text

    assert "acme Ltd" in text
    assert "Bakery &amp; Sons &lt;Ltd&gt;" in text
    assert '<span aria-hidden="true">●</span> Connected' in text
    assert ">20 minutes ago</time>" in text
    assert "access token lives for 9 minutes" in text or "access token lives for 10 minutes" in text
    assert "idle time left: 59 days" in text
    assert "Connected by a person" in text


def test_little_idle_time_is_pointed_out(rig: Rig) -> None:
    rig.connect()
    rig.clock.advance(timedelta(days=50).total_seconds())
    text = operator(rig).http.get("/admin").text

    assert re.search(r"<strong>▲ idle time left: (9|10) days</strong>", text)
    assert "access token ended 49 days ago" in text


def test_dead_grant_says_why_and_failed_refresh_says_what_was_answered(rig: Rig) -> None:
    rig.connect("acme")
    rig.connect("globex")
    rig.expire()
    rig.provider.revoke_grants()
    rig.pipeline.token("globex")
    text = operator(rig).http.get("/admin?text=globex").text

    assert '<span aria-hidden="true">▲</span> Needs reconnecting' in text
    assert "Toybooks no longer accepts our access" in text
    assert "<strong>▲ Provider refused the grant</strong>: <bdi>invalid_grant" in text


def test_connections_are_filtered_and_counted_by_state(rig: Rig) -> None:
    a_mixed_office(rig)
    person = operator(rig)

    def found(**query: str) -> list[str]:
        return listed_workspaces(person.http.get("/admin", params=query))

    assert found() == ["acme Ltd", "globex Ltd", "Initech"]
    assert found(state="connected") == ["acme Ltd"]
    assert found(state="requires_reconnect") == ["globex Ltd"]
    assert found(state="never_connected") == ["Initech"]
    assert found(state="disconnected") == []
    assert found(integration="toybooks") == ["acme Ltd", "globex Ltd"]
    assert found(integration="shybooks") == []
    assert found(text="SECOND") == ["globex Ltd"]
    assert found(text="init") == ["Initech"]
    assert found(text="%") == []
    assert found(event="failed") == ["globex Ltd"]
    assert found(event="connected") == ["acme Ltd"]
    assert found(order="oldest_tokens") == ["globex Ltd", "acme Ltd", "Initech"]
    assert found(state="nonsense", age="x", event="x", order="x", page="-1", text="\0") == found()
    counts = re.findall(
        r"<strong>(\d+)</strong> <span class=\"badge", person.http.get("/admin").text
    )
    assert counts == ["1", "1", "0", "1"]


def test_connections_are_filtered_by_the_age_of_their_tokens(rig: Rig) -> None:
    rig.connect("acme")
    rig.clock.advance(timedelta(days=8).total_seconds())
    rig.connect("globex")
    person = operator(rig)

    assert listed_workspaces(person.http.get("/admin?age=7")) == ["acme Ltd"]
    assert listed_workspaces(person.http.get("/admin?age=30")) == []


def test_thousands_of_workspaces_are_listed_a_page_at_a_time(rig: Rig) -> None:
    now = rig.clock.now()
    names = [f"w{number:04}" for number in range(3_000)]
    with rig.services.store._database.writing() as transaction:
        transaction.execute(
            insert(workspaces),
            [{"workspace_id": name, "name": name, "created_at": now} for name in names],
        )
    person = operator(rig)
    first, last = person.http.get("/admin"), person.http.get("/admin?page=999")

    assert listed_workspaces(first) == names[:50]
    assert "1 to 50 of 3000" in first.text
    assert 'rel="next" href="/admin?page=2"' in first.text
    assert 'rel="prev"' not in first.text
    assert listed_workspaces(last) == names[-50:]
    assert "Page 60 of 60" in last.text
    assert 'rel="next"' not in last.text
    assert len(first.content) < 150_000
    kept = person.http.get("/admin?state=never_connected&text=w")
    assert 'href="/admin?text=w&amp;state=never_connected&amp;page=2"' in kept.text


def test_overview_reads_the_same_from_both_databases(store: Store, rig: Rig) -> None:
    now = rig.clock.now()
    old = now - timedelta(days=40)
    store.workspaces.remember("acme", "Café", now=now)
    store.workspaces.remember("globex", "Globex", now=now)
    shared = {"tenant_id": "1", "tenant_name": "Shop", "grant_version": 1, "change": 1}
    shared |= {"workspace_id": "acme", "connected_at": old, "changed_at": old, "tokens": "x"}
    with store._database.writing() as transaction:
        transaction.execute(
            insert(connections),
            [
                {**shared, "integration": "gusto", "state": "connected", "last_worked_at": now},
                {**shared, "integration": "xero", "state": "connected", "last_worked_at": old},
            ],
        )
        transaction.execute(
            insert(refresh_history),
            [
                {"workspace_id": "acme", "integration": slug, "at": now, "outcome": outcome}
                for slug, outcome in (
                    ("xero", "refreshed"),
                    ("xero", "unavailable"),
                    ("gusto", "unavailable"),
                    ("gusto", "refreshed"),
                )
            ],
        )

    def found(wanted: Wanted) -> list[tuple[str, str | None]]:
        page = store.overview.page(wanted, number=1, size=10)
        assert page.total == len(page.rows)
        return [
            (row.workspace.workspace_id, row.connection and row.connection.integration)
            for row in page.rows
        ]

    gusto, xero, none = ("acme", "gusto"), ("acme", "xero"), ("globex", None)
    assert found(Wanted()) == [gusto, xero, none]
    assert found(Wanted(order=Order.OLDEST_TOKENS)) == [xero, gusto, none]
    assert found(Wanted(text="café")) == [gusto, xero]
    assert found(Wanted(tokens_before=now - timedelta(days=1))) == [xero]
    assert found(Wanted(outcomes=frozenset({Outcome.UNAVAILABLE}))) == [xero]
    assert found(Wanted(never_connected=True)) == [none]
    (_, row, _) = store.overview.page(Wanted(), number=1, size=10).rows
    assert row.latest is not None
    assert row.latest.outcome is Outcome.UNAVAILABLE
    assert store.overview.states() == {
        ConnectionState.CONNECTED: 2,
        ConnectionState.REQUIRES_RECONNECT: 0,
        ConnectionState.DISCONNECTED: 0,
        None: 1,
    }


def test_details_show_the_history_with_trace_ids_and_unknown_ones_have_a_page(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.pipeline.token()
    person = operator(rig)
    page = person.http.get(ONE)
    (_, entry) = rig.services.store.history.of("acme", "toybooks")

    assert heading(page) == "Toybooks of acme Ltd"
    assert str(entry.trace_id) in page.text
    assert str(entry.token_fingerprint) in page.text
    for path in ("acme/nothing", "nobody/toybooks", "a%00b/toybooks", "acme/%00"):
        missing = person.http.get(f"/admin/connections/{path}")
        assert (missing.status_code, heading(missing)) == (404, "There is no such connection")
    assert heading(person.http.get("/admin/nowhere")) == "There is no such page"
