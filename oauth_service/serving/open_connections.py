"""Every open connection of the server: who has to go when there are too many, or too slow ones."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from uvicorn.server import ServerState

from oauth_service.serving.limits import ServerLimits
from oauth_service.web.limits import network_of

if TYPE_CHECKING:
    from oauth_service.serving.http_protocol import LimitedHttp

Headers = Iterable[tuple[bytes, bytes]]

_LOOK_EVERY_S = 1.0
_LOG_EVERY_S = 60.0
_SILENT = "silent"
_log = logging.getLogger(__name__)

REASONS = {
    "limit": "at the limit of open connections",
    "address_limit": "at the limit of connections for one address",
    "refused": "answered 503, because too many were busy",
    "headers_size": "sent headers that are too long or too many",
    "headers_time": "did not end their headers in time",
    "body_size": "sent a body with too much framing",
    "body_time": "did not end their body in time",
    "answer_time": "did not take their answer in time",
    "total_time": "took too long altogether",
    "pipelined": "sent too many requests without waiting for answers",
    "malformed": "sent what is not HTTP",
}
"""Why connections are closed, or refused, by the name that they are counted under."""


class OpenConnections(ServerState):
    """
    What the server knows of its connections.

    A connection that asks for nothing (its headers are incomplete, or it is idle) is closed, the
    oldest first, when a new one would exceed a limit. Connections that showed the service key are
    the last to go, so that the token API answers its callers however many strangers connect.

    Args:
        limits: How many, and how slow they may be.
        trusted: Whether an address is a proxy's: its connections are many people's, and are not counted
            by address.
        shows_key: Whether a request with these headers shows the service key.
        always: Paths that are answered as if the key were shown.
        count: Called with the reason of each connection that is closed or refused.
    """

    connections: set[Any]

    def __init__(
        self,
        limits: ServerLimits,
        *,
        trusted: Callable[[str], bool],
        shows_key: Callable[[Headers], bool],
        always: Collection[bytes],
        count: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.limits = limits
        self.shows_key = shows_key
        self.ending = False
        self.half_open: dict[LimitedHttp, None] = {}
        self.idle: dict[LimitedHttp, None] = {}
        self._trusted = trusted
        self._always = frozenset(always)
        self._count = count
        self._by_network: dict[str, dict[LimitedHttp, None]] = {}
        self._closed: Counter[str] = Counter()
        self._networks: Counter[str] = Counter()
        self._logged_at = float("-inf")

    def opened(self, connection: "LimitedHttp") -> None:
        """Take in a new connection; close another, or this one, if there are too many now."""
        if self.ending:
            connection.drop(_SILENT)
            return
        self.half_open[connection] = None
        host = connection.client[0] if connection.client else None
        if host is not None and not self._trusted(host):
            connection.network = network_of(host)
            group = self._by_network.setdefault(connection.network, {})
            group[connection] = None
            if len(group) > self.limits.per_address:
                self._make_room_in(group, connection)
        if len(self.connections) > self.limits.connections:
            self._make_room(connection)

    def forget(self, connection: "LimitedHttp") -> None:
        """Count a connection no longer; it is closed, or about to be."""
        self.connections.discard(connection)
        self.half_open.pop(connection, None)
        self.idle.pop(connection, None)
        self.leave_network(connection)

    def leave_network(self, connection: "LimitedHttp") -> None:
        """Count a connection no longer for its address: it showed the service key, or is closed."""
        group = self._by_network.get(connection.network or "")
        if group is not None:
            group.pop(connection, None)
            if not group and connection.network:
                del self._by_network[connection.network]
        connection.network = None

    def refuses(self, connection: "LimitedHttp", url: bytes, headers: Headers) -> bool:
        """Return whether there are too many connections for a request without the service key."""
        group = self._by_network[connection.network] if connection.network else ()
        if (
            len(self.connections) <= self.limits.connections
            and len(group) <= self.limits.per_address
        ):
            return False
        return url not in self._always and not self.shows_key(headers)

    def note(self, reason: str, connection: "LimitedHttp") -> None:
        """Count a connection that is closed or refused, for the log and for metrics."""
        self._count(reason)
        if reason != _SILENT:
            self._closed[reason] += 1
            self._networks[network_of(connection.client[0]) if connection.client else "?"] += 1

    async def watch(self) -> None:
        """Close what is overdue, and log what has been closed, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                self.look(loop.time())
            except Exception:  # noqa: BLE001 -- limits must outlive whatever goes wrong once
                _log.exception("open connections not looked at; tried again at once")

    def look(self, now: float) -> None:
        """
        Close what is overdue, and log what was closed since the last line: one a minute.

        Args:
            now: Of the event loop's clock.
        """
        for connection in tuple(self.connections):
            connection.close_if_overdue(now)
        if self._closed and now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            self.log_closed()

    def log_closed(self) -> None:
        """Log what was closed since the last such line."""
        if not self._closed:
            return
        what = "; ".join(f"{n} {REASONS[reason]}" for reason, n in self._closed.most_common())
        (most, count), *_ = self._networks.most_common(1)
        _log.warning(
            "connections closed or refused: %s (open now: %d, at most %d; from %d addresses, "
            "%d of them from %s)",
            what,
            len(self.connections),
            self.limits.connections,
            len(self._networks),
            count,
            most,
        )
        self._closed.clear()
        self._networks.clear()

    def _make_room(self, newest: "LimitedHttp") -> None:
        for connection in self.half_open:  # the oldest first
            if connection is not newest:
                connection.drop("limit")
                return
        victim = _first(self.idle, _without_key) or _first(self.connections, _stalled)
        if victim is None:
            victim = next(iter(self.idle), None)
        if victim is not None:
            victim.drop("limit")
        elif len(self.connections) > self.limits.connections + self.limits.spare:
            newest.drop("limit")

    def _make_room_in(self, group: Iterable["LimitedHttp"], newest: "LimitedHttp") -> None:
        victim = (
            _first(group, lambda each: each in self.half_open and each is not newest)
            or _first(group, lambda each: each in self.idle and _without_key(each))
            or _first(group, _stalled)
        )
        if victim is not None:
            victim.drop("address_limit")


def _first(
    group: Iterable["LimitedHttp"], fits: Callable[["LimitedHttp"], bool]
) -> "LimitedHttp | None":
    return next((each for each in group if fits(each)), None)


def _without_key(connection: "LimitedHttp") -> bool:
    return not connection.shows_key


def _stalled(connection: "LimitedHttp") -> bool:
    return connection.stalled and not connection.shows_key
