"""`HttpSession`: the one place that talks HTTP. Nothing else imports httpx."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from integrations.contracts.access import IntegrationAccess
from integrations.contracts.errors import (
    ConfigurationError,
    ProviderUnavailableError,
    TooSlowError,
)
from integrations.contracts.oauth import OutboundRequest
from integrations.contracts.plugin import IntegrationPlugin
from integrations.runtime.answers import RawAnswer
from integrations.runtime.bodies import ACCEPTED, Body
from integrations.runtime.breaker import Breaker
from integrations.runtime.client import BoundClient, Quota
from integrations.runtime.limits import Budgets
from integrations.runtime.retry import RetryPolicy
from integrations.runtime.timing import Timing
from integrations.runtime.tokens import CachedAccess, TokenSource

if TYPE_CHECKING:  # imported where a session opens: Dagster loads definitions without it
    import httpx

__all__ = [
    "BoundClient",
    "HttpSession",
    "Quota",
    "RawAnswer",
    "RetryPolicy",
    "Timing",
    "TokenSource",
]

_CONNECT_S = 10.0
_READ_S = 30.0
_WHOLE_ANSWER = 4
"""A whole answer may take so many read timeouts: no server can hold us by dripping."""
_MOST_CONNECTIONS = 64
_MOST_BYTES = 50_000_000
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class HttpSession:
    """
    One connection pool, one set of rate limit budgets, one breaker for each provider.

    An async context manager that belongs to one event loop. Redirects are not followed,
    cookies are not kept (tenants share the pool), and proxies of the environment are not
    asked for loopback hosts.
    """

    def __init__(
        self,
        *,
        retry: RetryPolicy | None = None,
        timing: Timing | None = None,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        """
        Prepare a session; entering it opens the pool.

        Args:
            retry: How bound clients repeat requests.
            timing: The clocks that bound clients wait by.
            most_bytes: Longer answers are a `PayloadError`; counted after decompression.
        """
        self._retry = retry or RetryPolicy()
        self._timing = timing or Timing()
        self._most_bytes = most_bytes
        self._budgets = Budgets(self._timing)
        self._breakers: dict[str, Breaker] = {}
        self._in_flight = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._pool: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        import httpx

        _keep_urls_out_of_logs()
        no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self._pool = httpx.AsyncClient(
            verify=_trusted(),
            follow_redirects=False,
            cookies=no_cookies,
            headers={
                "User-Agent": f"zebbra-pipeline/{_version()}",
                "Accept-Encoding": ACCEPTED,
            },
            limits=httpx.Limits(max_connections=_MOST_CONNECTIONS),
            mounts={f"all://{host}": None for host in _LOOPBACK},
        )
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float = _READ_S,
        most_bytes: int | None = None,
    ) -> RawAnswer:
        """
        Send one request once and return its answer, whatever its status.

        Args:
            request: What to send.
            timeout_s: Longest silence while reading. Connecting may take 10 seconds at most,
                the whole answer four times *timeout_s*.
            most_bytes: Instead of the session's.

        Raises:
            ProviderUnavailableError: On network faults and, as `TooSlowError`, timeouts. The
                request may have been acted on.
            ConfigurationError: If the URL or a header cannot be sent at all.
            PayloadError: If the answer is too long, 50 MB as a rule, or compressed in a way
                that was not asked for.
        """
        if self._pool is None:
            raise RuntimeError("use `async with HttpSession() as session`")
        where = f"{request.method} {_bare(request.url)}"
        async with self._in_flight:
            with _as_our_errors(where):
                async with asyncio.timeout(timeout_s * _WHOLE_ANSWER):
                    return await self._exchange(
                        self._pool, request, timeout_s, most_bytes or self._most_bytes
                    )

    def bind(
        self,
        plugin: IntegrationPlugin,
        *,
        tokens: TokenSource,
        access: IntegrationAccess | None = None,
        base_url: str | None = None,
        user: str | None = None,
    ) -> BoundClient:
        """
        Return a client for one connection; no request is sent yet.

        Args:
            plugin: The provider.
            tokens: Where the connection's access comes from.
            access: What *tokens* has just given, if the caller has asked: the tenant is then
                known at once. Otherwise `await client.open()` before reading `tenant_id`.
            base_url: Instead of the plugin's, with or without a slash at its end; it may
                have a path (`http://localhost:8766/xero`).
            user: Who granted access, where the provider limits by user and the caller knows.
        """
        return BoundClient(
            plugin,
            send=self.send,
            access=CachedAccess(plugin.name, tokens, self._timing, known=access),
            base_url=base_url or plugin.api.base_url,
            budgets=self._budgets,
            breaker=self.breaker(plugin),
            retry=self._retry,
            timing=self._timing,
            user=user,
        )

    def breaker(self, plugin: IntegrationPlugin) -> Breaker:
        """Return what this session knows about the provider being down."""
        return self._breakers.setdefault(plugin.name, Breaker(plugin.name, timing=self._timing))

    async def _exchange(
        self,
        pool: "httpx.AsyncClient",
        request: OutboundRequest,
        timeout_s: float,
        most_bytes: int,
    ) -> RawAnswer:
        import httpx

        headers = dict(request.headers)
        if request.bearer is not None:
            headers["Authorization"] = f"Bearer {request.bearer}"
        async with pool.stream(
            request.method,
            request.url,
            data=request.form,
            json=request.json,
            headers=headers,
            auth=httpx.BasicAuth(*request.basic_auth) if request.basic_auth else None,
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s), pool=None),
        ) as response:
            body = Body(
                response.headers.get("content-encoding", ""),
                most_bytes=most_bytes,
                where=f"{request.method} {_bare(request.url)}",
            )
            async for piece in response.aiter_raw():
                body.feed(piece)
            return RawAnswer(
                status=response.status_code,
                headers=dict(response.headers),
                body=body.content(),
                url=_bare(request.url),
            )


@contextmanager
def _as_our_errors(where: str) -> Iterator[None]:
    """
    Translate what httpx raises.

    Causes are cut off, for texts of httpx and h11 can repeat headers and queries.
    """
    import httpx

    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        raise TooSlowError(f"{where}: no answer in time") from None
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
        UnicodeEncodeError,
    ) as exc:
        raise ConfigurationError(
            f"{where}: the request cannot be sent ({type(exc).__name__}); check the URLs that "
            "are set for this integration"
        ) from None
    except httpx.HTTPError as exc:
        raise ProviderUnavailableError(
            f"{where}: the connection failed ({type(exc).__name__})"
        ) from None


def _bare(url: str) -> str:
    """
    Return *url* without user information, query and fragment.

    Raises:
        ConfigurationError: If it is malformed.
    """
    try:
        parts = urlsplit(url)
        return parts._replace(
            netloc=parts.netloc.rpartition("@")[2], query="", fragment=""
        ).geturl()
    except ValueError:
        raise ConfigurationError(
            "a request cannot be sent: its URL is malformed; check the URLs that are set"
        ) from None


def _keep_urls_out_of_logs() -> None:
    """Silence httpx's line per request: authorization codes travel in URLs."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted; reading them takes 25 ms, so once a process."""
    import httpx

    return httpx.create_ssl_context()


@cache
def _version() -> str:
    try:
        return version("zebbra-pipeline")
    except PackageNotFoundError:
        return "dev"
