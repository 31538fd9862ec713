"""The control API of an emulator, under `/_control/`: faults, limits, clock and reset."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from integrations.sandbox_kit.calls import CallLog
from integrations.sandbox_kit.faults import Fault, Faults
from integrations.sandbox_kit.limits import RateLimiter
from integrations.sandbox_kit.oauth import OAuthProvider

Action = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
_Endpoint = Callable[[Request], Awaitable[Response]]


def control_route(path: str, action: Action) -> Route:
    """
    Return a `POST` route that calls *action* with the JSON body and answers its result.

    A `LookupError`, `ValueError` or `TypeError` of *action* becomes a 422 with its text.
    """
    return Route(path, _posted(action), methods=["POST"])


@dataclass(frozen=True, slots=True)
class Control:
    """
    The parts of an emulator that the control API changes.

    Attributes:
        on_reset: The plugin's own part of a reset.
    """

    oauth: OAuthProvider
    faults: Faults
    calls: CallLog
    limiter: RateLimiter | None
    on_reset: Sequence[Callable[[], None]] = ()

    def mount(self, extra: Sequence[BaseRoute]) -> Mount:
        """Return `/_control` with the routes of every emulator and the plugin's *extra* routes."""
        book = self.oauth.book
        return Mount(
            "/_control",
            routes=[
                *extra,
                control_route("/faults", self._add_fault),
                _shown(
                    "/faults", lambda: {"faults": [f.model_dump() for f in self.faults.pending]}
                ),
                _cleared("/faults", self.faults.clear),
                _shown("/calls", lambda: {"calls": self.calls.calls}),
                _cleared("/calls", self.calls.clear),
                _shown("/issued", self._issued),
                _shown("/tenants", lambda: {"tenants": list(map(asdict, self.oauth.tenants))}),
                control_route("/expire_access_tokens", lambda _body: book.expire_access_tokens()),
                control_route("/revoke_grants", self._revoke_grants),
                control_route("/vanish_tenant", lambda body: book.vanish(str(body["tenant_id"]))),
                control_route("/advance_clock", self._advance_clock),
                control_route("/limits", self._set_limits),
                control_route("/reset", lambda _body: self._reset()),
            ],
        )

    def _add_fault(self, body: Mapping[str, Any]) -> None:
        self.faults.add(Fault.model_validate(body))

    def _revoke_grants(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"revoked": self.oauth.book.revoke_grants(body.get("tenant_id"))}

    def _advance_clock(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.oauth.book.advance_clock(float(body["seconds"]))
        return {"now": self.oauth.context.clock.now().isoformat()}

    def _issued(self) -> Mapping[str, Any]:
        return {"issued": [{"kind": kind, "token": token} for kind, token in self.oauth.issued]}

    def _set_limits(self, body: Mapping[str, Any]) -> None:
        if self.limiter is None:
            raise LookupError("this emulator has no limits")
        self.limiter.set_limits({name: int(value) for name, value in body.items()})

    def _reset(self) -> None:
        self.oauth.book.reset()
        self.faults.clear()
        self.calls.clear()
        if self.limiter is not None:
            self.limiter.reset()
        for forget in self.on_reset:
            forget()


def _shown(path: str, read: Callable[[], Any]) -> Route:
    async def endpoint(_request: Request) -> Response:
        return JSONResponse(read())

    return Route(path, endpoint, methods=["GET"])


def _cleared(path: str, clear: Callable[[], None]) -> Route:
    async def endpoint(_request: Request) -> Response:
        clear()
        return JSONResponse({})

    return Route(path, endpoint, methods=["DELETE"])


def _posted(action: Action) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise TypeError("body: expected a JSON object")  # noqa: TRY301 -- one way out
            return JSONResponse(action(body) or {})
        except ValidationError as exc:
            problem = "; ".join(f"{_place(error)}: {error['msg']}" for error in exc.errors())
        except KeyError as exc:
            problem = f"{exc.args[0]}: expected, found nothing"
        except (LookupError, ValueError, TypeError) as exc:
            problem = str(exc)
        return JSONResponse({"error": problem}, status_code=422)

    return endpoint


def _place(error: Any) -> str:
    return ".".join(str(step) for step in error["loc"]) or "body"
