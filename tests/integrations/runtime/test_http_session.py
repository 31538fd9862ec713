"""`HttpSession.send`: one attempt, any status, no secret in sight."""

import base64
import gzip
import logging
import threading
from decimal import Decimal

import pytest
from support.scripted_server import Reply, scripted_server

from integrations.contracts import (
    ConfigurationError,
    OutboundRequest,
    PayloadError,
    ProviderUnavailableError,
)
from integrations.runtime.http import HttpSession, RawAnswer


@pytest.fixture
def server():
    with scripted_server() as running:
        yield running


@pytest.fixture
async def session():
    async with HttpSession() as opened:
        yield opened


async def test_form_and_basic_auth_arrive_as_the_token_endpoint_wants_them(server, session):
    server.answer("/token", Reply(200, {"access_token": "a"}))

    answer = await session.send(
        OutboundRequest(
            method="POST",
            url=f"{server.url}/token",
            form={"grant_type": "refresh_token", "refresh_token": "r/+="},
            basic_auth=("id", "s3cret"),
            headers={"Accept": "application/json"},
        )
    )

    got = server.received[0]
    assert answer.status == 200
    assert answer.json() == {"access_token": "a"}
    assert got.method == "POST"
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    assert got.body == b"grant_type=refresh_token&refresh_token=r%2F%2B%3D"
    assert got.headers["authorization"] == "Basic " + base64.b64encode(b"id:s3cret").decode()
    assert got.headers["accept"] == "application/json"


async def test_json_and_bearer_arrive_and_we_say_who_we_are(server, session):
    server.answer("/revoke", Reply(204, b""))

    answer = await session.send(
        OutboundRequest(method="POST", url=f"{server.url}/revoke", json={"a": 1}, bearer="tok")
    )

    got = server.received[0]
    assert answer.status == 204
    assert answer.body == b""
    assert got.body == b'{"a":1}'
    assert got.headers["authorization"] == "Bearer tok"
    assert got.headers["user-agent"].startswith("zebbra-pipeline/")


async def test_any_status_is_returned_after_a_single_attempt(server, session):
    server.answer("/x", Reply(503, "offline", {"Retry-After": "7"}))

    answer = await session.send(OutboundRequest(method="GET", url=f"{server.url}/x"))

    assert (answer.status, answer.body) == (503, b"offline")
    assert answer.headers["retry-after"] == "7"
    assert len(server.received) == 1


async def test_redirects_are_returned_and_not_followed(server, session):
    server.answer("/x", Reply(302, "", {"Location": f"{server.url}/elsewhere"}))

    answer = await session.send(OutboundRequest(method="GET", url=f"{server.url}/x", bearer="t"))

    assert answer.status == 302
    assert [got.path for got in server.received] == ["/x"]


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request(server, session):
    server.answer("/x", Reply(200, {}, {"Set-Cookie": "who=tenant-1; Path=/"}))

    for _ in range(2):
        await session.send(OutboundRequest(method="GET", url=f"{server.url}/x"))

    assert "cookie" not in server.received[1].headers


async def test_loopback_is_reached_although_the_environment_names_a_proxy(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server.answer("/x", Reply(200, {"ok": True}))

    async with HttpSession() as session:
        answer = await session.send(OutboundRequest(method="GET", url=f"{server.url}/x"))

    assert answer.json() == {"ok": True}


async def test_silence_longer_than_the_timeout_is_reported_as_unavailable(server, session):
    held = threading.Event()
    server.answer("/slow", Reply(200, {}, hold=held))
    url = f"{server.url}/slow?code=s3cret"

    with pytest.raises(ProviderUnavailableError) as caught:
        await session.send(OutboundRequest(method="GET", url=url), timeout_s=0.05)
    held.set()

    assert str(caught.value) == f"GET {server.url}/slow: no answer in time"


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(200, {"a": "bcd"}, cut_to=4)])
async def test_broken_connection_is_unavailable_and_its_text_keeps_the_query_to_itself(
    server, session, reply
):
    server.answer("/x", reply)
    request = OutboundRequest(method="GET", url=f"{server.url}/x?code=s3cret", bearer="t0ken")

    with pytest.raises(ProviderUnavailableError) as caught:
        await session.send(request)

    assert str(caught.value) == f"GET {server.url}/x: the connection failed (RemoteProtocolError)"
    assert caught.value.__suppress_context__


async def test_nobody_listening_is_unavailable(session):
    with scripted_server() as gone:
        url = gone.url

    with pytest.raises(ProviderUnavailableError, match=r"the connection failed \(ConnectError\)"):
        await session.send(OutboundRequest(method="GET", url=f"{url}/x"))


@pytest.mark.parametrize(
    ("url", "bearer"),
    [
        ("api.ledgerly.example/x", "t"),
        ("http://localhost:port/x", "t"),
        ("http://[broken/x", "t"),
        ("http://localhost:1/x", "t0k€n"),
    ],
)
async def test_what_cannot_be_sent_is_a_configuration_error_without_the_token(session, url, bearer):
    with pytest.raises(ConfigurationError, match="request cannot be sent") as caught:
        await session.send(OutboundRequest(method="GET", url=url, bearer=bearer))

    assert "t0k" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_line_break_in_a_token_is_no_second_header_and_the_token_is_not_shown(
    server, session
):
    request = OutboundRequest(method="GET", url=f"{server.url}/x", bearer="t0ken\nX-Evil: 1")

    with pytest.raises(ConfigurationError, match="LocalProtocolError") as caught:
        await session.send(request)

    assert "t0ken" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert server.received == []


async def test_answers_over_the_size_limit_are_refused(server):
    server.answer("/big", Reply(200, gzip.compress(b"1" * 5000), {"Content-Encoding": "gzip"}))
    server.answer("/fits", Reply(200, "1" * 1000))

    async with HttpSession(most_bytes=1000) as session:
        with pytest.raises(PayloadError, match="expected at most 1000 bytes, found more"):
            await session.send(OutboundRequest(method="GET", url=f"{server.url}/big"))
        fits = await session.send(OutboundRequest(method="GET", url=f"{server.url}/fits"))

    assert len(fits.body) == 1000


async def test_request_urls_are_not_logged(server, session, caplog):
    caplog.set_level(logging.DEBUG)
    server.answer("/x", Reply(200, {}))

    await session.send(OutboundRequest(method="GET", url=f"{server.url}/x?code=s3cret"))

    assert "s3cret" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("http")]


async def test_a_session_that_was_not_entered_says_how_to_use_it():
    with pytest.raises(RuntimeError, match="async with HttpSession"):
        await HttpSession().send(OutboundRequest(method="GET", url="http://localhost/"))


async def test_printed_answer_shows_neither_query_nor_headers_nor_body(server, session):
    server.answer("/x", Reply(200, {"salary": "s3cret"}, {"X-Token": "s3cret"}))
    url = server.url.replace("://", "://me:s3cret@")

    answer = await session.send(OutboundRequest(method="GET", url=f"{url}/x?code=s3cret"))

    assert repr(answer) == f"RawAnswer(status=200, url='{server.url}/x')"


def raw(body: bytes, content_type: str = "") -> RawAnswer:
    return RawAnswer(
        200, {"content-type": content_type} if content_type else {}, body, "http://h/x"
    )


def test_json_fractions_are_decimals_and_whole_numbers_stay_whole():
    assert raw(b'{"a": 1234.10, "b": 12, "c": "7.00"}').json() == {
        "a": Decimal("1234.10"),
        "b": 12,
        "c": "7.00",
    }
    assert str(raw(b"[0.10]").json()[0]) == "0.10"


@pytest.mark.parametrize(
    ("body", "content_type", "found"),
    [
        (b"<!DOCTYPE html><html>s3cret", "text/html; charset=utf-8", "HTML (27 bytes, sent as text/html)"),
        (b"<Response>s3cret</Response>", "", "markup (27 bytes)"),
        (b'{"a": "s3cret', "application/json", "broken or truncated JSON (13 bytes, sent as application/json)"),
        (b"", "", "an empty body (0 bytes)"),
        (b"s3cret", "s3cret", "other content (6 bytes)"),
        (b"[NaN]", "", "broken or truncated JSON (5 bytes)"),
        (b"\xff\xfes3cret", "", "other content (8 bytes)"),
        (b"[" * 100_000, "", "broken or truncated JSON (100000 bytes)"),
        (b"[1e99999999999999999999999]", "", "broken or truncated JSON (27 bytes)"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_described_by_kind_and_length(body, content_type, found):
    with pytest.raises(PayloadError) as caught:
        raw(body, content_type).json()

    assert str(caught.value) == f"http://h/x: expected JSON, found {found}"
    assert "s3cret" not in str(caught.value)
