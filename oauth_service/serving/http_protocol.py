"""
uvicorn's HTTP protocol, with limits for what one connection may send, and for how long.

uvicorn has none of them with this parser. With h11 it limits the length of headers, at three fifths of
the speed, but neither times nor connections.
"""

from enum import Enum
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from oauth_service.serving.open_connections import OpenConnections

_SLICE = 16 * 1024
"""So much is parsed at once: the parser makes objects of all headers in what it is given."""


class Phase(Enum):
    """
    Where a connection is.

    `HEADERS`: new, or the headers of a request are not complete. `BUSY`: a request is being
    answered. `IDLE`: between requests. `LINGERING`: answered, but the rest of the request is still
    on its way; or refused, and what comes is thrown away.
    """

    HEADERS = "headers"
    BUSY = "busy"
    IDLE = "idle"
    LINGERING = "lingering"


class _LimitError(Exception):
    """A request exceeds a limit; raised through the parser."""

    def __init__(self, reason: str, status: HTTPStatus) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class LimitedHttp(HttpToolsProtocol):
    """
    One connection.

    The limits are those of `server_limits`. No task or timer belongs to a connection: the server
    calls `close_if_overdue` about once a second.

    Attributes:
        network: What the connection is counted under; None if it is not counted by address.
        phase: Where it is.
    """

    server_state: OpenConnections

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._limits = self.server_state.limits
        self.network: str | None = None
        self.phase = Phase.HEADERS
        self._since = self.loop.time()  # when the phase began, unless it is BUSY
        self._begun = self._since  # when the request began
        self._received_at = self._unsent_since = self._since
        self._requests = 0  # whose headers are complete
        self._in_headers = False  # of a request that has begun
        self._header_bytes = 0  # of those, as far as they came in slices of their own
        self._in_body = False
        self._body_bytes = 0
        self._unsent = 0
        self._ignoring = False
        self._keyed: bool | None = None

    @property
    def shows_key(self) -> bool:
        """Whether the latest request whose headers are complete shows the service key."""
        if self._keyed is None:
            headers = self.cycle.scope["headers"] if self._requests else ()
            self._keyed = self.server_state.shows_key(headers)
        return self._keyed

    @property
    def stalled(self) -> bool:
        """Whether a request waits for its client: for more of it, or to take the answer."""
        return self._in_body or self.flow.write_paused

    def connection_made(self, transport: Any) -> None:
        """Take the connection; another one may have to be closed."""
        super().connection_made(transport)
        self.server_state.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.server_state.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, in slices, until something of it is refused."""
        if self.phase is Phase.IDLE:
            self.server_state.idle.pop(self, None)
            self._enter(Phase.HEADERS)
            self._begun = self._since
        if len(data) <= _SLICE and not self._ignoring:
            self._parse(data)
            return
        for start in range(0, len(data), _SLICE):
            if self._ignoring or self.transport.is_closing():
                return
            self._parse(data[start : start + _SLICE])

    def _parse(self, data: bytes) -> None:
        requests, in_body = self._requests, self._in_body
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ignoring = True  # it is answered as any other request; no other protocol follows
            self.cycle.keep_alive = False
            return
        except httptools.HttpParserError as exc:
            limit = exc.__context__
            if isinstance(limit, _LimitError):
                self._refuse(limit.reason, limit.status)
            else:
                self._refuse("malformed", HTTPStatus.BAD_REQUEST)
            return
        same = requests == self._requests
        if len(self.headers or ()) > self._limits.header_fields:
            self._refuse("headers_size", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._in_body:
            self._received_at = self.loop.time()
            self._body_bytes = self._body_bytes + len(data) if same else 0
            if self._body_bytes > self._limits.framed_bytes:
                self._refuse("body_size", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._header_bytes = self._header_bytes + len(data) if same and not in_body else 0
            if self._header_bytes > self._limits.header_bytes:
                self._refuse("headers_size", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif self.phase is Phase.HEADERS:
                self.server_state.half_open[self] = None

    def on_message_begin(self) -> None:
        """Begin a request, unless too many wait already."""
        super().on_message_begin()
        self._in_headers = True
        if len(self.pipeline) >= self._limits.pipelined:
            raise _LimitError("pipelined", HTTPStatus.BAD_REQUEST)

    def on_headers_complete(self) -> None:
        """Let a request be answered, or refuse it."""
        if self._header_bytes:  # else they came in one slice, which is shorter than the limit
            length = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if length > self._limits.header_bytes:
                raise _LimitError("headers_size", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if len(self.headers) > self._limits.header_fields:
            raise _LimitError("headers_size", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        state = self.server_state
        refused = state.refuses(self, self.url, self.headers)
        self.app = service_unavailable if refused else self.config.loaded_app
        super().on_headers_complete()
        self._requests += 1
        self._in_headers, self._in_body, self._header_bytes = False, True, 0
        self._keyed = None
        if self.phase is Phase.HEADERS:
            state.half_open.pop(self, None)
            self.phase = Phase.BUSY
        if refused:
            state.note("refused", self)
        elif self.network is not None and state.shows_key(self.headers):
            state.leave_network(self)

    def on_message_complete(self) -> None:
        """Note that a request has come as a whole."""
        super().on_message_complete()
        self._in_body = False
        if self.phase is Phase.LINGERING:
            self._enter(Phase.IDLE)

    def on_response_complete(self) -> None:
        """Note that a request has been answered."""
        super().on_response_complete()
        state = self.server_state
        if self.cycle.response_complete:
            if self.cycle.body:
                self.cycle.body = bytearray()  # nobody reads it any more
            if self._in_headers and not self.transport.is_closing():
                self._enter(Phase.HEADERS)
                state.half_open[self] = None
            else:
                closing = self._in_body or self.transport.is_closing()
                self._enter(Phase.LINGERING if closing else Phase.IDLE)
                state.idle[self] = None
        else:  # the next one on this connection is being answered already
            self.phase = Phase.BUSY
            self._begun = self.loop.time()

    def close_if_overdue(self, now: float) -> None:
        """
        Close the connection if its client is too slow.

        Args:
            now: Of the event loop's clock.
        """
        limits, waited, took = self._limits, now - self._since, now - self._begun
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._unsent_since = unsent, now
        patience = limits.ending_s if self.server_state.ending else limits.answer_idle_s
        if unsent and (now - self._unsent_since > patience or took > limits.total_s):
            self.drop("answer_time")
        elif self.phase is Phase.HEADERS and waited > limits.headers_s:
            if self._in_headers or self._header_bytes:
                self._refuse("headers_time", HTTPStatus.REQUEST_TIMEOUT)
            else:
                self.drop("silent")
        elif self.phase is Phase.BUSY:
            late = now - self._received_at > limits.body_idle_s or took > limits.receive_s
            if self._in_body and late and not self.flow.read_paused:
                self._refuse("body_time", HTTPStatus.REQUEST_TIMEOUT)
            elif took > limits.total_s:
                self.drop("total_time")
        elif self.phase is Phase.IDLE and waited > self.timeout_keep_alive + 1:
            self.transport.close()  # the timer was unset by the end of a body that nobody read
        elif self.phase is Phase.LINGERING and waited > limits.linger_s and not unsent:
            self.server_state.forget(self)
            self.transport.abort()

    def shutdown(self) -> None:
        """Close at once what is no complete request; let others be answered."""
        if self.phase is Phase.HEADERS or (self.phase is Phase.BUSY and self._in_body):
            self.server_state.forget(self)
            self.transport.abort()
        else:
            super().shutdown()

    def drop(self, reason: str) -> None:
        """Close the connection at once, and count it."""
        self.server_state.note(reason, self)
        self.server_state.forget(self)
        self.transport.abort()

    def _refuse(self, reason: str, status: HTTPStatus) -> None:
        """Answer with *status* if nothing else is being answered, and close the connection."""
        self.server_state.note(reason, self)
        if self.phase is Phase.LINGERING:  # answered already: the rest is thrown away
            self._ignoring = True
            return
        answering = self.phase is Phase.BUSY
        if answering and (self.pipeline or self.cycle.response_started or not self._in_body):
            self.server_state.forget(self)
            self.transport.abort()
            return
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        content = f"{status.phrase}\n".encode()
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
            + b"content-length: %d\r\n\r\n%s" % (len(content), content)
        )
        # Closing now would reset the connection where more is on its way, and lose the answer.
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._ignoring = True
        self.server_state.half_open.pop(self, None)
        self.server_state.idle[self] = None
        self._enter(Phase.LINGERING)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._since = self.loop.time()
