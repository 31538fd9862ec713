"""The short way answers what the route answers, and what has changed counts at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr
from support.oauth_rig import SERVICE_KEY, Rig

from integrations.contracts import TokenSet
from oauth_service.security.crypto import TokenVault
from oauth_service.store.direct import DirectReads
from oauth_service.web.api.answers import TokenAnswer, token_body

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


def test_short_way_writes_any_text_as_the_route_does() -> None:
    odd = "".join(map(chr, (*range(0x20, 0x100), 0x0A, 0x0D, 0x09, 0x1F, 0x2028, 0x1F600)))
    tokens = TokenSet(
        access_token=SecretStr(odd),
        refresh_token=None,
        token_type=odd,
        expires_at=datetime(2025, 3, 1, 12, 0, 0, 500, UTC),
        lifetime_s=1800,
        scopes=(odd, "books"),
    )
    answer = TokenAnswer(
        access_token=odd,
        token_type=odd,
        expires_at=tokens.expires_at,
        tenant_id=odd,
        tenant_name=odd,
        scopes=tokens.scopes,
    )

    assert token_body(tokens, odd, odd) == answer.model_dump_json().encode()
    assert token_body(tokens.model_copy(update={"scopes": ()}), "", "").endswith(b'"scopes":[]}')


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


def test_store_that_another_thread_has_read_from_closes(rig: Rig) -> None:
    rig.connect()
    reads = DirectReads(database_of(rig), TokenVault(rig.settings.encryption_keys()))
    with ThreadPoolExecutor(1) as elsewhere:
        grant = elsewhere.submit(reads.grant, "acme", "toybooks").result()

    reads.close()

    assert grant is not None
    assert reads._connection is None
