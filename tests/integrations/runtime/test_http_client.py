"""`BoundClient`: what it sends, with which token, for which tenant."""

import asyncio
import threading
from datetime import timedelta

import pytest
from pydantic import SecretStr
from support.fake_connection import NOON, ScriptedTokens, a_plugin
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import (
    AccessDeniedError,
    ProviderUnavailableError,
    RateLimits,
    ReconnectRequiredError,
    RefusalReader,
    token_fingerprint,
)
from integrations.runtime.http import Quota


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["api.x/2.0/Organisation", "/api.x/2.0/Organisation"])
async def test_paths_join_a_base_url_with_a_prefix_with_or_without_slash(slash, path):
    async with a_rig(prefix=f"/ledgerly{slash}") as rig:
        rig.server.answer("/ledgerly/api.x/2.0/Organisation", Reply(200, {"ok": 1}))

        answer = await rig.client.get(path)

    assert answer.payload == {"ok": 1}


async def test_query_values_are_encoded_and_flags_are_lower_case():
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(200, {}))

        await rig.client.get("r?page=1", {"name": "A&B = Café+", "per": 100, "all": True})

    assert rig.server.received[0].query == [
        ("page", "1"), ("name", "A&B = Café+"), ("per", "100"), ("all", "true"),
    ]  # fmt: skip


async def test_tenant_version_and_extra_headers_are_sent_and_the_extra_ones_win():
    facts = {"tenant_header": "x-tenant-id", "headers": {"X-Version": "2026-06-15", "X-A": "1"}}
    async with a_rig(**facts) as rig:
        rig.server.answer("/r", Reply(200, {}))

        await rig.client.get("r", headers={"X-A": "2"})

    sent = rig.server.received[0].headers
    assert sent["x-tenant-id"] == "tenant-1"
    assert sent["x-version"] == "2026-06-15"
    assert sent["x-a"] == "2"
    assert sent["accept"] == "application/json"
    assert rig.server.received[0].bearer == "token-1"


async def test_no_tenant_header_is_sent_while_a_new_grants_tenants_are_looked_for():
    tokens = ScriptedTokens(tenant_ids=("",))
    async with a_rig(tokens=tokens, tenant_header="x-tenant-id") as rig:
        rig.server.answer("/connections", Reply(200, []))

        answer = await rig.client.get("connections")

    assert answer.payload == []
    assert "x-tenant-id" not in rig.server.received[0].headers
    assert rig.client.tenant_id == ""


async def test_opened_client_knows_its_tenant_without_a_call():
    async with a_rig() as rig:
        client = await rig.client.open()

        assert (client.tenant_id, client.tenant_name) == ("tenant-1", "Harbour Café Ltd")
        assert client.calls == 0


async def test_access_that_the_caller_already_has_is_used_and_not_asked_for_again():
    tokens = ScriptedTokens()
    access = await tokens.access()
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(401, b""), Reply(200, {}))
        client = rig.session.bind(a_plugin(), tokens=tokens, access=access, base_url=rig.server.url)
        tenant_id = client.tenant_id

        await client.get("r")

    assert tenant_id == "tenant-1"
    assert [got.bearer for got in rig.server.received] == ["token-1", "token-2"]
    assert len(tokens.asked) == 2


async def test_tenant_of_a_client_that_was_not_opened_is_an_error_not_an_empty_name():
    async with a_rig() as rig:
        with pytest.raises(
            RuntimeError, match=r"Ledgerly: tenant not known; await client.open\(\)"
        ):
            _ = rig.client.tenant_id


async def test_a_whole_url_as_path_is_refused_so_the_token_goes_to_no_other_host():
    async with a_rig() as rig:
        with pytest.raises(ValueError, match="expected a relative one, found a URL"):
            await rig.client.get("https://elsewhere.example/x")


async def test_empty_body_is_none_and_headers_are_lower_case():
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(204, b"", {"X-Total-Pages": "3"}))

        answer = await rig.client.get("r")

    assert (answer.status, answer.payload) == (204, None)
    assert answer.headers["x-total-pages"] == "3"


async def test_access_is_asked_for_once_by_many_requests_and_again_a_minute_before_expiry():
    tokens = ScriptedTokens(expires_at=(NOON + timedelta(seconds=90), NOON + timedelta(hours=1)))
    async with a_rig(tokens=tokens) as rig:
        rig.server.answer("/r", Reply(200, {}))

        await asyncio.gather(*(rig.client.get("r") for _ in range(5)))
        rig.timing.passed_s = 29
        await rig.client.get("r")
        rig.timing.passed_s = 30
        await rig.client.get("r")

    assert tokens.asked == [None, None]
    assert [got.bearer for got in rig.server.received] == ["token-1"] * 6 + ["token-2"]


async def test_refused_token_is_reported_by_fingerprint_and_the_request_repeated_once():
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(401, b""), Reply(200, {"ok": 1}))

        answer = await rig.client.get("r")

    assert answer.payload == {"ok": 1}
    assert rig.tokens.asked == [None, token_fingerprint(SecretStr("token-1"))]
    assert [got.bearer for got in rig.server.received] == ["token-1", "token-2"]
    assert rig.client.calls == 2
    assert rig.timing.slept == []


async def test_requests_refused_together_ask_for_one_new_token():
    async with a_rig() as rig:
        first_four = threading.Event()
        rig.server.decide(
            "/r",
            lambda request: (
                Reply(401, b"", hold=first_four) if request.bearer == "token-1" else Reply(200, {})
            ),
        )

        tasks = [asyncio.create_task(rig.client.get("r")) for _ in range(4)]
        await asyncio.to_thread(rig.server.wait_for, 4)
        first_four.set()
        await asyncio.gather(*tasks)

    assert rig.tokens.asked == [None, token_fingerprint(SecretStr("token-1"))]
    assert rig.client.calls == 8


async def test_second_refusal_in_a_row_means_a_person_must_reconnect():
    body = {"Title": "Unauthorized", "Detail": "TokenExpired: token-2 expired at 04/09/2023"}
    async with a_rig(trace_header="X-Correlation-Id") as rig:
        rig.server.answer("/r", Reply(401, body, {"x-correlation-id": "abc-1"}))

        with pytest.raises(ReconnectRequiredError) as caught:
            await rig.client.get("r")

    assert str(caught.value) == (
        "Ledgerly: GET r: the provider refuses a token that was just refreshed (401); connect "
        "again: TokenExpired: *** expired at 04/09/2023 (X-Correlation-Id: abc-1)"
    )
    assert rig.client.calls == 2


@pytest.mark.parametrize("word", ["insufficent_scope", 'Bearer error="insufficient_scope"'])
async def test_missing_scope_behind_a_401_is_denied_access_and_no_refresh(word):
    refusals = RefusalReader(scope_errors=("insufficent_scope",))
    async with a_rig(refusals=refusals) as rig:
        rig.server.answer("/r", Reply(401, b"", {"WWW-Authenticate": word}))

        with pytest.raises(AccessDeniedError, match="the connection lacks a scope that this"):
            await rig.client.get("r")

    assert rig.tokens.asked == [None]
    assert rig.client.calls == 1


async def test_connection_that_moved_to_another_tenant_stops_the_fetch():
    tokens = ScriptedTokens(tenant_ids=("tenant-1", "tenant-2"))
    async with a_rig(tokens=tokens) as rig:
        rig.server.answer("/r", Reply(401, b""), Reply(200, {}))

        with pytest.raises(ProviderUnavailableError, match="connected to another organisation"):
            await rig.client.get("r")

    assert rig.client.calls == 1
    assert rig.client.tenant_id == "tenant-1"


async def test_quota_is_what_the_provider_last_said():
    limits = {"minute_remaining_header": "X-Min", "day_remaining_header": "X-Day"}
    async with a_rig(limits=RateLimits(**limits)) as rig:
        rig.server.answer(
            "/r", Reply(200, {}, {"X-Min": "59", "X-Day": "4999"}), Reply(200, {}, {"X-Min": "58"})
        )
        before = rig.client.quota

        await rig.client.get("r")
        first = rig.client.quota
        await rig.client.get("r")

    assert before == Quota(None, None)
    assert first == Quota(minute_remaining=59, day_remaining=4999)
    assert rig.client.quota == Quota(minute_remaining=58, day_remaining=4999)
