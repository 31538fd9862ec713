"""The short way answers what the route answers, and what has changed counts at once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
from support.oauth_rig import SERVICE_KEY, Rig

from oauth_service.crypto import TokenVault
from oauth_service.store.direct import DirectReads

PATH = "/api/workspaces/acme/integrations/toybooks/token"


def asked(rig: Rig, query: str = "", **headers: str) -> httpx.Response:
    return httpx.get(
        f"{rig.url}{PATH}{query}", headers={"Authorization": f"Bearer {SERVICE_KEY}"} | headers
    )


def database_of(rig: Rig) -> Path:
    return Path(rig.settings.oauth_database.removeprefix("sqlite:///"))


def test_both_ways_give_the_same_answer_and_headers(rig: Rig) -> None:
    rig.connect()
    short, usual = asked(rig), asked(rig, "?rejected=0")

    def headers(answer: httpx.Response) -> dict[str, str]:
        return {k: v for k, v in answer.headers.items() if k not in {"date", "x-request-id"}}

    assert short.content == usual.content
    assert headers(short) == headers(usual)


def test_what_another_replica_stores_is_handed_out_by_the_next_request(rig: Rig) -> None:
    rig.connect()
    first = asked(rig).json()
    with closing(sqlite3.connect(database_of(rig))) as other, other:
        other.execute("UPDATE connections SET tenant_name = 'Renamed by another replica'")

    assert asked(rig).json() == first | {"tenant_name": "Renamed by another replica"}


def test_connection_that_another_replica_ended_gives_no_token(rig: Rig) -> None:
    rig.connect()
    assert asked(rig).status_code == 200
    with closing(sqlite3.connect(database_of(rig))) as other, other:
        other.execute("UPDATE connections SET state = 'requires_reconnect'")

    answer = asked(rig)

    assert answer.status_code == 409
    assert answer.json()["code"] == "requires_reconnect"


def test_key_that_differs_in_its_last_character_is_refused(rig: Rig) -> None:
    rig.connect()
    almost = SERVICE_KEY[:-1] + ("a" if SERVICE_KEY[-1] != "a" else "b")

    assert asked(rig, Authorization=f"Bearer {almost}").status_code == 401


def test_token_of_another_connection_in_the_row_is_not_read(rig: Rig, tmp_path: Path) -> None:
    rig.connect()
    copy = tmp_path / "copy.sqlite"
    with (
        closing(sqlite3.connect(database_of(rig))) as original,
        closing(sqlite3.connect(copy)) as target,
    ):
        original.backup(target)
        target.execute("UPDATE connections SET workspace_id = 'globex'")
        target.commit()
    reads = DirectReads(copy, TokenVault(rig.settings.encryption_keys()))

    assert reads.grant("globex", "toybooks") is None
    reads.close()


def test_file_that_is_gone_is_no_answer(tmp_path: Path, rig: Rig) -> None:
    reads = DirectReads(tmp_path / "none.sqlite", TokenVault(rig.settings.encryption_keys()))

    assert reads.grant("acme", "toybooks") is None
