"""Old databases become new ones: whole, once, with all that was in them."""

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection as Transaction
from sqlalchemy import create_engine
from support.token_store import (
    KEY_OF_VERSION_1,
    TIME_OF_VERSION_1,
    make_version_1,
    rows_of,
    schema_of,
)

from integrations.contracts import ConfigurationError, Tenant, TokenSet
from oauth_service.store import (
    Connection,
    ConnectionState,
    HistoryEntry,
    LeaseKey,
    LoginState,
    Outcome,
    PendingGrant,
    StateProblem,
    Store,
    Workspace,
)
from oauth_service.store.database import Database
from oauth_service.store.history import History
from oauth_service.store.migrations import MIGRATIONS, Migration
from oauth_service.store.schema import metadata

NOW = TIME_OF_VERSION_1
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def old(database_url: str) -> str:
    """A database that the code of version 1 has made and used."""
    make_version_1(database_url)
    return database_url


def opened(url: str) -> Store:
    return Store(url, [KEY_OF_VERSION_1])


def migrated(url: str, *migrations: Migration) -> None:
    Database(url, [*MIGRATIONS, *migrations]).close()


def version_of(url: str) -> int:
    return int(dict(rows_of(url)["numbers"])["schema_version"])


def tokens(name: str, *, refreshable: bool = True) -> TokenSet:
    return TokenSet(
        access_token=SecretStr(f"{name} access"),
        refresh_token=SecretStr(f"{name} refresh") if refreshable else None,
        expires_at=NOW + timedelta(minutes=30),
        lifetime_s=1800,
        scopes=("read", "offline_access"),
    )


def test_connections_of_version_1_are_read_with_their_tokens(old: str) -> None:
    store = opened(old)
    one = store.connections.get("acme", "toybooks")
    dead = store.connections.get("globex", "toybooks")
    ended = store.connections.get("globex", "shybooks")

    assert one is not None
    assert dead is not None
    assert ended is not None
    working = Connection(
        workspace_id="acme",
        integration="toybooks",
        state=ConnectionState.CONNECTED,
        reason=None,
        tenant=Tenant("tenant-acme", "acme tenant", "tc-1"),
        sealed_tokens=None,
        grant_version=2,
        connected_at=NOW,
        changed_at=NOW,
        change=3,
        last_worked_at=LATER,
        refresh_started_at=LATER,
        refresh_fingerprint="2222222222222222",
        retry_at=LATER + timedelta(seconds=90),
        restored_at=None,
    )
    never_refreshed = replace(
        working,
        workspace_id="globex",
        tenant=Tenant("tenant-globex", "globex tenant"),
        changed_at=LATER,
        last_worked_at=NOW,
        refresh_started_at=None,
        refresh_fingerprint=None,
        retry_at=None,
    )
    assert replace(one, sealed_tokens=None) == working
    assert store.connections.tokens(one) == tokens("second")
    assert replace(dead, sealed_tokens=None) == replace(
        never_refreshed,
        state=ConnectionState.REQUIRES_RECONNECT,
        reason="it was withdrawn there",
        grant_version=1,
        change=5,
    )
    assert store.connections.tokens(dead) == tokens("third", refreshable=False)
    assert ended == replace(
        never_refreshed,
        integration="shybooks",
        state=ConnectionState.DISCONNECTED,
        change=7,
    )
    assert store.connections.latest_change() == 7
    store.close()


def test_all_else_of_version_1_is_read_and_goes_on(old: str) -> None:
    store = opened(old)
    taken = LeaseKey("acme", "toybooks", "another")
    soon = LATER + timedelta(seconds=15)

    assert store.workspaces.all() == [
        Workspace("acme", "Acme Ltd"),
        Workspace("globex", "Globex 'Größe' Inc"),
    ]
    assert store.leases.take(taken, now=LATER, until=soon) is False
    assert store.leases.take(taken, now=soon, until=soon + timedelta(seconds=15)) is True
    use = {"session_id": "session-1", "now": NOW + timedelta(minutes=2)}
    assert store.consents.use_state("state-1", integration="shybooks", **use) == LoginState(
        "session-1", "acme", "shybooks", "verifier-1"
    )
    assert store.consents.use_state("state-2", integration="toybooks", **use) is StateProblem.USED
    assert store.consents.grant("grant-2", session_id="session-1", now=NOW) == PendingGrant(
        "grant-2",
        "session-1",
        "acme",
        "shybooks",
        tokens("fifth"),
        (Tenant("t-1", "One", "c-1"), Tenant("t-2", "Two")),
    )
    added = HistoryEntry(LATER, Outcome.UNAVAILABLE, "status 503")
    store.history.add("acme", "toybooks", added)
    assert store.history.of("acme", "toybooks") == [
        HistoryEntry(NOW, Outcome.CONNECTED),
        HistoryEntry(LATER, Outcome.REFRESHED, None, "trace-1", "1" * 16),
        HistoryEntry(LATER, Outcome.ANSWER_LOST, "status 502", "trace-2", "2" * 16),
        added,
    ]
    assert store.history.of("globex", "toybooks")[1:] == [
        HistoryEntry(LATER, Outcome.GRANT_REFUSED, "invalid_grant: revoked", "trace-3", "3" * 16)
    ]
    assert [entry.outcome for entry in store.history.of("globex", "shybooks")] == [
        Outcome.CONNECTED,
        Outcome.DISCONNECTED,
    ]
    store.close()


def test_upgraded_and_new_databases_have_the_tables_that_the_code_expects(
    old: str, new_database: Callable[[], str]
) -> None:
    new, expected = new_database(), new_database()
    opened(old).close()
    opened(new).close()
    engine = create_engine(expected)
    metadata.create_all(engine)
    engine.dispose()

    assert schema_of(old) == schema_of(new) == schema_of(expected)
    assert version_of(old) == version_of(new) == len(MIGRATIONS)
    assert rows_of(new) == {name: [] for name in metadata.tables} | {
        "numbers": [("change", 0), ("schema_version", len(MIGRATIONS))]
    }


def test_first_migration_still_makes_version_1(new_database: Callable[[], str]) -> None:
    made, frozen = new_database(), new_database()
    Database(made, MIGRATIONS[:1]).close()
    make_version_1(frozen)

    assert schema_of(made) == schema_of(frozen)
    assert version_of(made) == 1


def test_one_of_many_that_start_at_once_migrates_and_says_so(
    old: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "oauth_service"), ThreadPoolExecutor(8) as pool:
        for store in list(pool.map(opened, [old] * 8)):
            store.close()

    said = [record.getMessage() for record in caplog.records if "migrated" in record.getMessage()]
    assert said == [f"token store: migrated from schema version 1 to {len(MIGRATIONS)}"]


def _adds_and_removes(transaction: Transaction) -> None:
    transaction.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
    transaction.exec_driver_sql("ALTER TABLE connections ADD COLUMN note TEXT")
    transaction.exec_driver_sql("UPDATE connections SET note = tenant_name, tokens = NULL")
    transaction.exec_driver_sql("DELETE FROM refresh_history")
    transaction.exec_driver_sql("DROP TABLE pending_grants")


def _fails_in_sql(transaction: Transaction) -> None:
    transaction.exec_driver_sql("SELECT 1 FROM nowhere")


def _fails_in_python(_: Transaction) -> None:
    raise LookupError("a fault of ours")


WORKS = Migration("add and remove", _adds_and_removes)


def test_failing_migration_leaves_all_as_it_was(old: str) -> None:
    before = schema_of(old), rows_of(old)
    failing = len(MIGRATIONS) + 2
    with pytest.raises(ConfigurationError) as caught:
        migrated(old, WORKS, Migration("look elsewhere", _fails_in_sql))

    assert re.fullmatch(
        rf"ZEBBRA_OAUTH_DATABASE: migration {failing} \(look elsewhere\) failed: .*nowhere.*; "
        "nothing is changed, the schema version is still 1",
        str(caught.value),
    )
    assert (schema_of(old), rows_of(old)) == before
    opened(old).close()
    assert version_of(old) == len(MIGRATIONS)


def test_bug_in_a_migration_leaves_all_as_it_was_too(old: str) -> None:
    before = schema_of(old), rows_of(old)
    with pytest.raises(LookupError, match="a fault of ours"):
        migrated(old, WORKS, Migration("stumble", _fails_in_python))

    assert (schema_of(old), rows_of(old)) == before


def test_failing_first_start_leaves_an_empty_database(database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="the schema version is still 0"):
        migrated(database_url, Migration("look elsewhere", _fails_in_sql))

    assert schema_of(database_url) == {}


def test_tables_of_something_else_are_not_taken_over(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as transaction:
        transaction.exec_driver_sql("CREATE TABLE workspaces (id INTEGER PRIMARY KEY)")
    engine.dispose()
    before = schema_of(database_url)
    with pytest.raises(ConfigurationError, match=r"migration 1 .*workspaces.* already exists"):
        opened(database_url)

    assert schema_of(database_url) == before


def test_database_of_a_newer_version_is_refused_and_left_untouched(old: str) -> None:
    migrated(old, WORKS)
    before = schema_of(old), rows_of(old)
    newer = len(MIGRATIONS) + 1
    with pytest.raises(ConfigurationError, match=rf"schema version {newer}; this one knows"):
        opened(old)

    assert (schema_of(old), rows_of(old)) == before
    assert version_of(old) == newer


def test_replica_of_the_release_before_goes_on_but_does_not_start_again(old: str) -> None:
    before = Database(old, MIGRATIONS[:1])
    assert len(History(before).of("acme", "toybooks")) == 3
    store = opened(old)
    entry = HistoryEntry(LATER, Outcome.UNAVAILABLE, "status 503")
    History(before).add("acme", "toybooks", entry)

    assert store.history.of("acme", "toybooks")[-1] == entry
    assert History(before).of("acme", "toybooks")[-1] == entry
    before.close()
    store.close()
    with pytest.raises(ConfigurationError, match="a newer version of this service"):
        Database(old, MIGRATIONS[:1])


def test_forgetting_old_history_does_not_read_all_of_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'oauth.sqlite'}"
    opened(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN DELETE FROM refresh_history WHERE at < '2026-01-01'"
        ).all()
    engine.dispose()

    assert [step.detail for step in plan] == [
        "SEARCH refresh_history USING INDEX refresh_history_by_time (at<?)"
    ]
