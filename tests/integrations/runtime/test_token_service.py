"""The pipeline's client of the OAuth service, against a server that hangs up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from integrations.contracts import ProviderUnavailableError
from integrations.runtime.http import HttpSession
from integrations.runtime.token_service import OAuthService

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"workspaces": []}'


@asynccontextmanager
async def hanging_up(times: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve a service that closes the first connections without an answer; give what it read."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).strip())
        if len(asked) > times:
            writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_a_connection_that_breaks_once_fails_no_workspace() -> None:
    async with hanging_up(1) as (url, asked), HttpSession() as http:
        found = await OAuthService(http, url, SecretStr("key")).workspaces()

    assert found == []
    assert asked == [b"GET /api/workspaces HTTP/1.1"] * 2


async def test_a_service_that_hangs_up_every_time_is_asked_twice_and_told_of() -> None:
    async with hanging_up(9) as (url, asked), HttpSession() as http:
        with pytest.raises(ProviderUnavailableError, match="the OAuth service does not answer at"):
            await OAuthService(http, url, SecretStr("key")).workspaces()

    assert len(asked) == 2


async def test_what_makes_something_is_not_sent_again() -> None:
    async with hanging_up(1) as (url, asked), HttpSession() as http:
        with pytest.raises(ProviderUnavailableError):
            await OAuthService(http, url, SecretStr("key")).connect_link("acme")

    assert len(asked) == 1
