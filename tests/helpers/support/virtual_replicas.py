"""
Replicas of the service with its production patience, and Toybooks, in one loop of virtual time.

Requests reach both without a network; what takes a minute takes none, and every moment is exact.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from support.oauth_rig import REGISTRY, SERVICE_KEY, toy_environment
from support.oauth_toy import PLUGIN, RULES, TENANTS, build_toybooks

from integrations.contracts import Tenant, token_fingerprint
from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import Clock, EmulatorParts, Fault, OAuthRules
from oauth_service import create_app
from oauth_service.store import Connection
from oauth_service.store.consents import PendingGrant
from oauth_service.store.schema import connections
from oauth_service.web.services import Services

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTIL_FIRST_USE = replace(RULES, grace=None)
"""A spent refresh token works until an access token of its successor is used, as at Gusto."""
_PROVIDER = "http://localhost:8799"
_TOKEN = "/api/workspaces/acme/integrations/toybooks/token"


class LoopClock(Clock):
    """The loop's time, from `START`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time() + self.offset_s)


@dataclass
class Sent:
    """
    One request to the token endpoint.

    Attributes:
        by: Number of the replica that sent it.
        at_s: When, in seconds of the loop.
        ended_s: When the replica had its answer or hung up; None before.
    """

    by: int
    at_s: float
    ended_s: float | None = None


@dataclass
class Provider:
    """Toybooks, which finishes what was asked of it also when nobody waits for the answer."""

    app: Starlette
    sent: list[Sent] = field(default_factory=list)
    at_work: set[asyncio.Task[httpx.Response]] = field(default_factory=set)

    @property
    def parts(self) -> EmulatorParts:
        parts: EmulatorParts = self.app.state.parts
        return parts

    def slow(self, seconds: float, **details: Any) -> None:
        self.fault("slow", seconds=seconds, **details)

    def fault(self, kind: Any, **details: Any) -> None:
        """Let something go wrong at the token endpoint."""
        self.parts.faults.add(Fault(kind=kind, path="/token", **details))

    def use(self, access_token: str) -> bool:
        """Use a token, as a fetch does; return whether it was accepted."""
        return self.parts.oauth.book.access(access_token).grant is not None

    def most_at_once(self) -> int:
        """How many requests were waited for at the same time, at most."""
        moments = [each.at_s for each in self.sent]
        return max(
            sum(
                other.at_s <= moment and (other.ended_s is None or moment < other.ended_s)
                for other in self.sent
            )
            for moment in moments
        )


class _Wire(httpx.AsyncBaseTransport):
    """The way from one replica to the provider."""

    def __init__(self, provider: Provider, number: int) -> None:
        self._provider = provider
        self._number = number
        self._inner = httpx.ASGITransport(provider.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        time = asyncio.get_running_loop().time
        sent = Sent(self._number, round(time(), 6))
        self._provider.sent.append(sent)
        task = asyncio.create_task(self._inner.handle_async_request(request))
        self._provider.at_work.add(task)
        try:
            return await asyncio.shield(task)
        finally:
            sent.ended_s = round(time(), 6)


@dataclass
class Replica:
    """One service, asked as the pipeline does."""

    app: FastAPI
    http: httpx.AsyncClient

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def token(self, **query: str) -> httpx.Response:
        return await self.http.get(_TOKEN, params=query)

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Let every transaction of this replica fail; another's succeed."""
        with pytest.MonkeyPatch.context() as patch:
            database = self.services.store._database
            for name in ("reading", "writing"):
                patch.setattr(database, name, _away)
            yield


@dataclass
class Office:
    """Replicas that share a store, with acme's connection to Toybooks."""

    replicas: list[Replica]
    provider: Provider
    clock: LoopClock

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def until(self, moment_s: float) -> None:
        """Let the time pass to *moment_s*."""
        await asyncio.sleep(moment_s - self.now_s)

    def connection(self) -> Connection:
        found = self.replicas[-1].services.store.connections.get("acme", "toybooks")
        assert found is not None
        return found

    def lease(self) -> tuple[str | None, float | None]:
        """Return who holds the connection's lease, and until which second of the loop."""
        with self.replicas[-1].services.store._database.reading() as transaction:
            row = transaction.execute(
                select(connections.c.lease_owner, connections.c.lease_until)
            ).one()
        until = None if row[1] is None else (row[1] - START).total_seconds() - self.clock.offset_s
        return row[0], until

    def history(self) -> list[str]:
        entries = self.replicas[-1].services.store.history.of("acme", "toybooks")
        return [entry.outcome.value for entry in entries]

    def stored_token(self) -> str:
        tokens = self.replicas[-1].services.store.connections.tokens(self.connection())
        return tokens.access_token.get_secret_value()

    def fingerprint(self) -> str:
        """Return that of the stored access token, by which a caller says that it was refused."""
        return token_fingerprint(SecretStr(self.stored_token()))


@asynccontextmanager
async def an_office(
    home: Path,
    *,
    replicas: int = 2,
    rules: OAuthRules = RULES,
    database_url: str = "",
) -> AsyncIterator[Office]:
    """
    Give replicas whose one connection has an access token that has ended.

    Args:
        home: Folder of theirs.
        replicas: How many.
        rules: Those of Toybooks.
        database_url: Of an empty database; by default a SQLite file in *home*.
    """
    clock = LoopClock(asyncio.get_running_loop())
    provider = Provider(build_toybooks(clock, rules=rules))
    environment = toy_environment(home, _PROVIDER, "http://localhost")
    settings = load_settings(environment | {"ZEBBRA_OAUTH_DATABASE": database_url})
    async with AsyncExitStack() as exits:
        office = Office([], provider, clock)
        for number in range(replicas):
            app = create_app(settings, REGISTRY, clock=clock.now)
            services: Services = app.state.services
            exits.callback(services.store.close)
            pool = httpx.AsyncClient(transport=_Wire(provider, number))
            services.http._pool = await exits.enter_async_context(pool)
            http = httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://localhost",
                headers={"Authorization": f"Bearer {SERVICE_KEY}"},
            )
            office.replicas.append(Replica(app, await exits.enter_async_context(http)))
        _connect(office)
        clock.advance(rules.access_lifetime_s)
        yield office
        await asyncio.gather(*provider.at_work, return_exceptions=True)


def _connect(office: Office) -> None:
    """Store what a person's consent leads to."""
    book, store, now = (
        office.provider.parts.oauth.book,
        office.replicas[0].services.store,
        office.clock.now(),
    )
    tenant, where = TENANTS[0], "http://localhost/integration/toybooks/callback"
    _grant, code = book.open_grant(
        client_id="client-of-the-tests",
        user_id="owner",
        tenant_ids=[tenant.id],
        scopes=PLUGIN.oauth.scopes,
        redirect_uri=where,
        challenge=None,
    )
    answer = book.exchange_code(
        code, client_id="client-of-the-tests", redirect_uri=where, verifier=None
    )
    office.provider.parts.oauth.issued.extend(
        (kind, answer[kind]) for kind in ("access_token", "refresh_token")
    )
    tokens = PLUGIN.oauth.token_set(answer, now=now)
    grant = PendingGrant("grant", "session", "acme", PLUGIN.slug, tokens, ())
    store.workspaces.remember("acme", "Acme Ltd", now=now)
    store.consents.add_grant(grant, now=now, expires_at=now + timedelta(minutes=10))
    assert store.connections.connect(grant, Tenant(tenant.id, tenant.name), now=now)


def _away() -> NoReturn:
    raise OperationalError("the database is away", {}, Exception())
