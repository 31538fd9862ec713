"""Ready says whether requests can be served and why not, soon; live only whether anybody is there."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import create_engine, event, make_url, select, text
from sqlalchemy.exc import OperationalError
from support.limited_server import limited_server
from support.oauth_rig import (
    Pipeline,
    Rig,
    heading,
    running_rig,
    wait_until,
)
from support.postgres import Postgres
from support.virtual_time import VirtualLoop, run_in_virtual_time

from oauth_service.store import NotWritableError, Store
from oauth_service.store.probe import Probe
from oauth_service.store.schema import numbers
from oauth_service.web.health import Readiness
from oauth_service.web.limits import RequestLimits

PATHS = ("/healthz", "/healthz/ready")
OK = (200, {"status": "ok"})


def answer(url: str, path: str) -> tuple[int, Any]:
    found = httpx.get(f"{url}{path}", timeout=60)
    return found.status_code, found.json()


def not_ready(*what: str) -> tuple[int, Any]:
    return 503, {"status": "unavailable", "not_ready": list(what)}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Rig]:
    """A service with SQLite and a key file, which a test may spoil."""
    files = {"ZEBBRA_ENCRYPTION_KEYS": "", "ZEBBRA_OAUTH_DATABASE": ""}
    with running_rig(
        tmp_path, overrides=files, limits=RequestLimits(burst=1, per_second=0.001)
    ) as found:
        yield found


def test_service_that_can_work_is_ready_and_live(rig: Rig) -> None:
    assert [answer(rig.url, path) for path in (*PATHS, "/healthz/live")] == [OK] * 3


def test_database_that_is_gone_is_named_until_it_is_back(own: Rig, tmp_path: Path) -> None:
    database, aside = tmp_path / "oauth.sqlite", tmp_path / "aside"
    assert answer(own.url, "/healthz") == OK
    database.rename(aside)
    gone = [answer(own.url, path) for path in PATHS]
    live = answer(own.url, "/healthz/live")
    made_again = database.exists()
    aside.rename(database)

    assert gone == [not_ready("database")] * 2
    assert live == OK
    assert not made_again
    assert answer(own.url, "/healthz") == OK


def test_key_file_that_is_gone_or_open_to_others_is_named_and_never_made(
    own: Rig, tmp_path: Path
) -> None:
    keys = own.settings.encryption_key_file()
    assert keys is not None
    aside = tmp_path / "aside"
    keys.chmod(0o644)
    opened = answer(own.url, "/healthz/ready")
    keys.chmod(0o600)
    keys.rename(aside)
    gone = answer(own.url, "/healthz/ready")
    made_again = keys.exists()
    aside.rename(keys)

    assert opened == gone == not_ready("keys")
    assert not made_again
    assert answer(own.url, "/healthz/ready") == OK


def test_probes_are_never_told_that_they_ask_too_often(own: Rig) -> None:
    assert {httpx.get(f"{own.url}/connect", timeout=60).status_code for _ in range(3)} == {401, 429}
    for path in (*PATHS, "/healthz/live"):
        assert [answer(own.url, path) for _ in range(3)] == [OK] * 3


def test_frozen_database_fails_a_check_soon_and_passes_once_it_goes_on(postgres: Postgres) -> None:
    store = Store(postgres.new_database(), [SecretStr(Fernet.generate_key().decode())])
    store.check()
    with postgres.frozen():
        started = time.monotonic()
        with pytest.raises(OperationalError):
            store.check()
        took_s = time.monotonic() - started
    store.check()
    store.close()

    assert (
        took_s < 8
    )  # after two, where nothing else keeps the machine busy; other readers wait ten


def test_requests_meet_503_while_the_database_is_away_and_lose_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.new_database()
    with running_rig(tmp_path, overrides={"ZEBBRA_OAUTH_DATABASE": url}) as rig:
        page = rig.person.connect(rig.pipeline.link())
        rig.expire()
        with postgres.closed(url):
            away = [
                rig.pipeline.token(),
                rig.pipeline.http.get("/api/connections"),
                rig.pipeline.http.get("/integration/providers", params={"workspace_id": "acme"}),
            ]
            shown = rig.person.http.get("/connect")

        told = [(each.status_code, each.json()["code"]) for each in away]
        assert told == [(503, "store_unavailable")] * 3
        assert [each.headers["retry-after"] for each in away] == ["10"] * 3
        assert (shown.status_code, heading(shown)) == (500, "Something went wrong here")
        assert rig.pipeline.token().status_code == 200
        assert rig.refreshes() == 1
        assert heading(rig.person.http.get("/connect")) == heading(page)


def test_store_whose_disk_is_nearly_full_says_so_and_is_not_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'oauth.sqlite'}"
    Store(url, [SecretStr(Fernet.generate_key().decode())]).close()
    before = (tmp_path / "oauth.sqlite").read_bytes()
    probe = Probe(url, tmp_path / "oauth.sqlite", least_free_bytes=1 << 62)

    with pytest.raises(NotWritableError, match=rf"^{tmp_path}: \d+ MB of disk are free; the token"):
        probe.check_writable(doubted=True)
    probe.check()
    assert (tmp_path / "oauth.sqlite").read_bytes() == before


def test_write_probe_changes_nothing_and_is_not_repeated_for_each_request(store: Store) -> None:
    store.workspaces.remember("acme", "Acme Ltd", now=datetime.now(UTC))
    kept = _numbers(store)
    written: list[str] = []
    event.listen(
        store._probe._writer,
        "before_cursor_execute",
        lambda _c, _u, statement, *_: written.append(statement),
    )
    for _ in range(3):
        store.check_writable()
    once = len([each for each in written if each.startswith("UPDATE")])
    store._database.write_failed = True
    store.check_writable()
    again = len([each for each in written if each.startswith("UPDATE")])

    assert (once, again) == (2, 4)
    assert not store._database.write_failed
    assert _numbers(store) == kept


def _numbers(store: Store) -> list[tuple[str, int]]:
    with store._database.reading() as connection:
        return sorted((row.name, row.value) for row in connection.execute(select(numbers)))


def test_database_that_became_read_only_is_named(postgres: Postgres) -> None:
    url = postgres.new_database()
    store = Store(url, [SecretStr(Fernet.generate_key().decode())])
    store.check_writable()
    engine = create_engine(url)
    with engine.begin() as connection:
        name = make_url(url).database
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    engine.dispose()
    store._database.write_failed = True

    with pytest.raises(NotWritableError, match="read-only transaction"):
        store.check_writable()
    store.check()
    store.close()


class Check:
    """A check that ends when it is told to, as one of a database that hangs."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        self.go_on.wait(30)


def test_hanging_check_is_shared_and_fails_in_time() -> None:
    check = Check()
    readiness = Readiness({"database": check, "keys": lambda: None}, timeout_s=5.0)

    async def ask() -> list[tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.hanging = 1
        first = await asyncio.gather(*(readiness.not_ready() for _ in range(20)))
        later = await readiness.not_ready()
        assert loop.time() == 10.0
        loop.hanging = 0
        check.go_on.set()
        await asyncio.gather(*readiness._under_way.values())
        return [*first, later, await readiness.not_ready()]

    *hanging, after = run_in_virtual_time(ask())

    assert hanging == [("database",)] * 21
    assert after == ()
    assert check.begun == 2


def test_service_that_ends_finishes_a_refresh_lives_on_and_is_not_ready(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("slow", path="/token", seconds=2.5)  # a busy machine asks late
    with limited_server(rig) as (url, server), ThreadPoolExecutor(1) as pool:
        pipeline = Pipeline(url)
        asked = pool.submit(pipeline.token)
        wait_until(lambda: bool(server._services.refresher._under_way))
        server.should_exit = True
        wait_until(lambda: answer(url, "/healthz/ready") != OK)
        stopping, live = answer(url, "/healthz"), answer(url, "/healthz/live")
        pending = not asked.done()
        given = asked.result()
        pipeline.http.close()
        wait_until(lambda: not _answers(url))

    assert (stopping, live, pending) == (not_ready("stopping"), OK, True)
    assert given.status_code == 200
    assert rig.refreshes() == 1


def _answers(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz/live", timeout=60)
    except httpx.TransportError:
        return False
    return True
