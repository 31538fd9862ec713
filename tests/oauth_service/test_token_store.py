"""The store: file modes, start-up by several at once, key rotation, tidying up."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from support.postgres import Postgres

from integrations.contracts import ConfigurationError, Tenant, TokenSet
from oauth_service.store import (
    HistoryEntry,
    LeaseKey,
    LoginState,
    Outcome,
    PendingGrant,
    StateProblem,
    Store,
)

KEY = SecretStr(Fernet.generate_key().decode())
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKENS = TokenSet(
    access_token=SecretStr("access"),
    refresh_token=SecretStr("refresh"),
    expires_at=NOW,
    lifetime_s=1800,
)


def connect(store: Store, workspace_id: str = "acme") -> None:
    store.workspaces.remember(workspace_id, None, now=NOW)
    grant = PendingGrant("g", "s", workspace_id, "toybooks", TOKENS, ())
    store.consents.add_grant(grant, now=NOW, expires_at=NOW + timedelta(minutes=15))
    assert store.connections.connect(grant, Tenant("t", "Tenant"), now=NOW)


def test_file_and_new_folders_are_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "deep" / "oauth.sqlite"
    store = Store(f"sqlite:///{file}", [KEY])
    connect(store)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}

    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.parent.parent.stat().st_mode) == 0o700
    assert modes == {"oauth.sqlite": 0o600, "oauth.sqlite-wal": 0o600, "oauth.sqlite-shm": 0o600}
    store.close()


def test_several_may_make_the_tables_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(database_url, [KEY]), range(8)))
    connect(stores[0])

    assert stores[7].connections.get("acme", "toybooks") is not None
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "nodatabase://host/name"]
)
def test_unusable_database_is_named_as_the_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="ZEBBRA_OAUTH_DATABASE"):
        Store(url, [KEY])


def test_password_of_an_unreachable_database_is_not_shown() -> None:
    url = "postgresql+psycopg://user:hunter2@127.0.0.1:1/none"
    with pytest.raises(ConfigurationError) as caught:
        Store(url, [KEY])

    assert "hunter2" not in str(caught.value)
    assert "ZEBBRA_OAUTH_DATABASE" in str(caught.value)
    assert "Connection refused" in str(caught.value)


@pytest.mark.parametrize(
    ("query", "patience"), [("", ("10", "20000")), ("?tcp_user_timeout=5000", ("10", "5000"))]
)
def test_server_that_vanishes_is_given_up_in_seconds(
    postgres: Postgres, query: str, patience: tuple[str, str]
) -> None:
    store = Store(postgres.new_database() + query, [KEY])
    with store._database.reading() as transaction:
        driver = transaction.connection.driver_connection
        assert driver is not None
        parameters = driver.info.get_parameters()
    store.close()

    assert (parameters["connect_timeout"], parameters["tcp_user_timeout"]) == patience


def test_only_one_of_many_takes_the_lease(store: Store) -> None:
    connect(store)
    keys = [LeaseKey("acme", "toybooks", f"owner-{number}") for number in range(16)]
    until = NOW + timedelta(seconds=15)
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda key: store.leases.take(key, now=NOW, until=until), keys))

    assert sum(taken) == 1
    holder, loser = keys[taken.index(True)], keys[taken.index(False)]
    assert store.leases.renew(holder, until=until) is True
    assert store.leases.renew(loser, until=until) is False
    store.leases.give_back(loser)
    assert store.leases.take(loser, now=NOW, until=until) is False
    store.leases.give_back(holder)
    assert store.leases.take(loser, now=NOW, until=until) is True


def test_cursor_never_passes_a_change_that_is_still_to_come(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: store.workspaces.remember(f"w{number}", None, now=NOW), range(40)
            )
        )
    connect(store)
    first = store.connections.listed()[-1].connection.change
    connect(store, "w1")

    (listed,) = store.connections.listed(changed_since=first)
    assert listed.connection.workspace_id == "w1"


def test_new_key_encrypts_what_is_stored(database_url: str) -> None:
    store = Store(database_url, [KEY])
    connect(store)
    store.close()
    new = SecretStr(Fernet.generate_key().decode())
    rotating = Store(database_url, [new, KEY])
    assert rotating.connections.renew_encryption() == 1
    assert rotating.connections.renew_encryption() == 0
    rotating.close()

    rotated = Store(database_url, [new])
    connection = rotated.connections.get("acme", "toybooks")
    assert connection is not None
    assert rotated.connections.tokens(connection) == TOKENS
    rotated.close()


def test_old_consents_and_history_are_forgotten(store: Store) -> None:
    connect(store)
    login = LoginState("s", "acme", "toybooks", "verifier")
    store.consents.add_state("st", login, now=NOW, expires_at=NOW + timedelta(minutes=15))
    later = NOW + timedelta(days=500)
    store.history.add("acme", "toybooks", HistoryEntry(later, Outcome.REFRESHED))
    store.consents.forget_old(now=later)
    store.history.forget_before(NOW + timedelta(days=1))
    found = store.consents.use_state("st", session_id="s", integration="toybooks", now=NOW)

    assert found is StateProblem.UNKNOWN
    outcomes = [entry.outcome for entry in store.history.of("acme", "toybooks")]
    assert outcomes == [Outcome.REFRESHED]


def test_state_is_bound_to_its_integration(store: Store) -> None:
    login = LoginState("s", "acme", "toybooks", "verifier")
    store.consents.add_state("st", login, now=NOW, expires_at=NOW + timedelta(minutes=15))
    elsewhere = store.consents.use_state("st", session_id="s", integration="other", now=NOW)
    here = store.consents.use_state("st", session_id="s", integration="toybooks", now=NOW)

    assert elsewhere is StateProblem.UNKNOWN
    assert here == login


def test_naive_times_are_refused(store: Store) -> None:
    with pytest.raises(Exception, match="timezone-aware"):
        store.history.forget_before(datetime(2026, 1, 1))  # noqa: DTZ001 -- the point
