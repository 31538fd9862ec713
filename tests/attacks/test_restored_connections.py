"""Tokens are rotated after a backup: what is restored is asked about before it is called connected."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from support.backups import another_service
from support.oauth_rig import Rig, running_rig, wait_until
from support.operator import ONE, operator
from support.postgres import PostgresMissingError, running_postgres

from oauth_service import app
from oauth_service.store.copies import copy_store, facts_of
from oauth_service.store.restoring import mark_store, restore_store

OLDER = (
    "it was restored from a backup older than its last refresh, so that Toybooks no longer accepts "
    "its tokens"
)
KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="module", params=KINDS)
def new_database(request, tmp_path_factory) -> Iterator[Callable[[], str]]:
    folder = tmp_path_factory.mktemp("stores")
    with ExitStack() as exits:
        if request.param == "sqlite":
            numbers = count()
            yield lambda: f"sqlite:///{folder / f'store{next(numbers)}.sqlite'}"
            return
        try:
            server = exits.enter_context(running_postgres())
        except PostgresMissingError as exc:
            pytest.skip(f"not run on PostgreSQL: {exc}")
        yield server.new_database


@pytest.fixture
def rig(new_database, tmp_path) -> Iterator[Rig]:
    url = new_database()
    with running_rig(tmp_path / "home", overrides={"ZEBBRA_OAUTH_DATABASE": url}) as running:
        yield running


def spend(rig: Rig, workspace: str) -> None:
    """Rotate a workspace's tokens, and let the time be over in which old ones are taken again."""
    rig.clock.advance(1800)
    assert rig.pipeline.token(workspace).status_code == 200
    rig.clock.advance(1860)


def restored(rig: Rig, new_database: Callable[[], str], tmp_path: Path, copy: Path) -> str:
    url = new_database()
    marked, kept = restore_store(
        copy, url, home=tmp_path / "elsewhere", now=rig.clock.now(), force=False
    )
    assert (marked, kept) == (2, None)
    return url


@pytest.fixture
def backup(rig: Rig, tmp_path) -> Path:
    """A backup of two connections, one of which has been refreshed since."""
    rig.connect("acme")
    rig.connect("globex", tenants=("toy-2",))
    copy_store(rig.environment["ZEBBRA_OAUTH_DATABASE"], tmp_path / "copy.sqlite")
    spend(rig, "acme")
    rig.provider.clear_calls()
    return tmp_path / "copy.sqlite"


def test_service_checks_all_on_its_start_and_says_which_backup_is_too_old(
    rig, new_database, tmp_path, backup
):
    url = restored(rig, new_database, tmp_path, backup)
    with another_service(rig, url) as other:
        wait_until(lambda: not other.services.store.connections.unchecked())
        states = {
            row["workspace_id"]: (row["state"], row["reason"], row["restored_at"])
            for row in other.pipeline.connections()["connections"]
        }
        token = other.pipeline.token("globex")
        refused = other.pipeline.token("acme")
        page = other.person.open(refused.json()["connect_url"])
        own = operator(other).http.get(ONE)
        history = other.history("acme")
        detail = other.services.store.history.of("acme", "toybooks")[-1].detail
        metrics = other.person.http.get("/metrics").text
        reconnected = other.person.connect(refused.json()["connect_url"])
        again = other.pipeline.token("acme")

    assert states == {
        "globex": ("connected", None, None),
        "acme": ("requires_reconnect", OLDER, None),
    }
    assert token.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (409, "requires_reconnect")
    assert OLDER in refused.json()["detail"]
    why = f"<strong>Why:</strong> <bdi>{OLDER}</bdi>."
    assert why in page.text
    assert why in own.text
    for text in (refused.text, page.text, own.text):
        assert "withdrawn" not in text
    assert history == ["connected", "restored", "grant_refused"]
    assert detail == "invalid_grant: restored from an older backup"
    assert 'zebbra_oauth_connections{integration="toybooks",state="connected"} 1' in metrics
    assert "Toybooks is connected" in reconnected.text
    assert again.status_code == 200


def test_until_its_provider_answers_a_restored_connection_is_not_called_connected(
    rig, new_database, tmp_path, backup
):
    url = restored(rig, new_database, tmp_path, backup)
    rig.provider.fault("status", path="/token", status=503, times=None)
    with another_service(rig, url) as other:
        wait_until(lambda: other.history("globex")[-1] == "answer_lost")
        row = other.pipeline.connection("globex")
        (listed,) = [
            item
            for item in other.pipeline.http.get(
                "/integration/providers", params={"workspace_id": "globex"}
            ).json()
            if item["name"] == "Toybooks"
        ]
        away = other.pipeline.token("globex")
        page = other.person.open(other.pipeline.link("globex", None))
        own = operator(other).http.get("/admin?state=requires_reconnect")
        metrics = other.person.http.get("/metrics").text
        other.provider.clear_faults()
        cursor = other.pipeline.connections()["cursor"]
        asked = other.pipeline.token("globex")
        (changed,) = other.pipeline.connections(changed_since=cursor, workspace_id="globex")[
            "connections"
        ]

    assert row["state"] == "requires_reconnect"
    assert row["reason"] == (
        "it was restored from a backup, and Toybooks has not been asked yet whether it still works"
    )
    assert row["restored_at"] is not None
    assert (listed["connected"], listed["requires_reconnect"]) == (False, True)
    assert (away.status_code, away.json()["code"]) == (503, "provider_unavailable")
    assert '<span class="badge attention">Being checked</span>' in page.text
    assert own.text.count("Restored, not checked yet") == 2
    assert (
        'zebbra_oauth_connections{integration="toybooks",state="requires_reconnect"} 2' in metrics
    )
    assert asked.status_code == 200
    assert (changed["state"], changed["reason"], changed["restored_at"]) == (
        "connected",
        None,
        None,
    )


def test_fresh_access_token_of_a_backup_is_not_handed_out_unasked(
    rig, new_database, tmp_path, backup
):
    rig.clock.reset()  # the restored access tokens would live for half an hour
    rig.provider.revoke_grants()
    url = restored(rig, new_database, tmp_path, backup)
    with another_service(rig, url) as other:
        answers = [other.pipeline.token(name).json()["code"] for name in ("acme", "globex")]

    assert answers == ["requires_reconnect"] * 2


def test_restored_store_forgets_who_was_at_work_and_no_cursor_is_ahead_of_it(
    rig, new_database, tmp_path, backup
):
    before = int(rig.pipeline.connections()["cursor"])
    rig.provider.fault("status", path="/token", status=503, times=None)
    url = restored(rig, new_database, tmp_path, backup)
    with another_service(rig, url) as other:
        cursor = int(other.pipeline.connections()["cursor"])
        seen = other.pipeline.connections(changed_since=before)["connections"]
    copy_store(url, tmp_path / "after.sqlite")

    assert cursor > before + 1000
    assert {row["workspace_id"] for row in seen} == {"acme", "globex"}
    rows = facts_of(tmp_path / "after.sqlite").rows
    assert "login_states" not in rows["acme"] | rows["globex"]


def test_restoring_over_a_store_in_use_is_refused_and_over_another_keeps_it(
    rig, new_database, tmp_path, backup
):
    url = rig.environment["ZEBBRA_OAUTH_DATABASE"]
    if url.startswith("postgresql"):  # SQLite's locks are those of a process: see test_backup.py
        with pytest.raises(Exception, match="an OAuth service has this database open"):
            restore_store(backup, url, home=tmp_path, now=rig.clock.now(), force=True)
        with pytest.raises(Exception, match="an OAuth service has this database open"):
            mark_store(url, now=rig.clock.now())
    other = restored(rig, new_database, tmp_path, backup)
    with pytest.raises(Exception, match="--force"):
        restore_store(backup, other, home=tmp_path, now=rig.clock.now(), force=False)
    _, kept = restore_store(backup, other, home=tmp_path, now=rig.clock.now(), force=True)

    assert facts_of(kept).rows["acme"]["refresh_history"] == 2
    assert mark_store(other, now=rig.clock.now()) == 2
    with another_service(
        rig, other
    ) as service:  # numbers of new rows go on after the restored ones
        wait_until(lambda: service.history("globex")[-1] == "refreshed")


def test_copied_file_of_a_running_store_has_its_tables_once_its_log_is_written(tmp_path):
    with running_rig(tmp_path / "home") as rig:
        rig.connect("acme")
        rig.services.store.checkpoint()
        rig.pipeline.token("acme")
        stored = Path(rig.services.store._database.sqlite_file)
        (tmp_path / "copy.sqlite").write_bytes(stored.read_bytes())
        log = stored.with_name(f"{stored.name}-wal")
        assert log.stat().st_size == 0
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        (found,) = copy.execute("SELECT workspace_id FROM connections").fetchall()

    assert found == ("acme",)
    assert not log.exists()  # ending the service empties and removes it


def test_running_service_writes_its_log_into_the_file_by_itself(tmp_path, monkeypatch):
    pauses = {work.__name__: pause for pause, work in app._UPKEEP}
    often = tuple((timedelta(seconds=0.05), work) for _, work in app._UPKEEP)
    monkeypatch.setattr(app, "_UPKEEP", often)
    with running_rig(tmp_path / "home") as rig:
        rig.connect("acme")
        stored = rig.services.store._database.sqlite_file
        log = stored.with_name(f"{stored.name}-wal")
        wait_until(lambda: log.stat().st_size == 0)
        (tmp_path / "copy.sqlite").write_bytes(stored.read_bytes())
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        assert copy.execute("SELECT count(*) FROM connections").fetchone() == (1,)

    assert pauses["_write_into_the_file"] <= timedelta(minutes=1)


def test_writing_the_log_waits_for_no_reader_and_lets_others_write(tmp_path):
    with running_rig(tmp_path / "home") as rig:
        rig.connect("acme")
        file = rig.services.store._database.sqlite_file
        with closing(sqlite3.connect(file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM connections").fetchall()
            rig.connect("globex", tenants=("toy-2",))
            rig.services.store.checkpoint()
            assert reader.execute("SELECT count(*) FROM connections").fetchone() == (1,)
        rig.services.store.checkpoint()

        assert file.with_name(f"{file.name}-wal").stat().st_size == 0
