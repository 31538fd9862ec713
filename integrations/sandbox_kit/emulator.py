"""`build_emulator`: builds a provider's emulator from its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute

from integrations.sandbox_kit.calls import CallLog, CallLogMiddleware, TenantOf
from integrations.sandbox_kit.control import Control
from integrations.sandbox_kit.faults import (
    ErrorResponse,
    FaultMiddleware,
    Faults,
    SandboxApp,
    plain_error,
)
from integrations.sandbox_kit.limits import RateLimiter, RateLimitMiddleware, Refuse, plain_refusal
from integrations.sandbox_kit.oauth import OAuthProvider


@dataclass(frozen=True, slots=True)
class EmulatorParts:
    """The parts of an emulator, at `app.state.parts`, for tests in the same process."""

    oauth: OAuthProvider
    faults: Faults
    calls: CallLog
    limiter: RateLimiter | None


def build_emulator(
    *,
    oauth: OAuthProvider,
    routes: Sequence[BaseRoute],
    limiter: RateLimiter | None = None,
    tenant_of: TenantOf | None = None,
    error: ErrorResponse = plain_error,
    refuse: Refuse | None = None,
    trace_header: str | None = None,
    control_routes: Sequence[BaseRoute] = (),
    on_reset: Sequence[Callable[[], None]] = (),
) -> SandboxApp:
    """
    Return an emulator: its routes, with calls logged, faults injected and limits kept.

    Args:
        oauth: The emulator's OAuth endpoints; it also has the clock.
        routes: The provider's own, OAuth's (`oauth.routes(...)`) included.
        limiter: Keeps the provider's limits.
        tenant_of: Returns the organisation that a request is for; by default that of the
            bearer token, if its grant names just one.
        error: Returns the provider's answer of a given error status, for the fault `status`.
        refuse: Returns the provider's 429, for the limit faults; by default the limiter's.
        trace_header: Header with a fresh id in every answer, e.g. `Xero-Correlation-Id`.
        control_routes: The plugin's own additions under `/_control` (see `control_route`).
        on_reset: Called by `POST /_control/reset`, after everything else was forgotten.
    """

    def tenant_of_grant(request: Request) -> str | None:
        grant = oauth.peek(request)
        if grant is None or len(grant.tenant_ids) != 1:
            return None
        return grant.tenant_ids[0]

    tenant_of = tenant_of or tenant_of_grant
    faults, calls = Faults(), CallLog()
    if refuse is None:
        refuse = limiter.refuse if limiter else plain_refusal
    control = Control(oauth, faults, calls, limiter, tuple(on_reset))
    middleware = [
        Middleware(CallLogMiddleware, log=calls, tenant_of=tenant_of, trace_header=trace_header)
    ]
    if limiter is not None:
        middleware.append(Middleware(RateLimitMiddleware, limiter=limiter))
    # Inside the limits: a slow answer keeps its place among the calls in flight.
    middleware.append(
        Middleware(FaultMiddleware, faults=faults, tenant_of=tenant_of, refuse=refuse, error=error)
    )
    app = SandboxApp(routes=[control.mount(control_routes), *routes], middleware=middleware)
    app.state.parts = EmulatorParts(oauth, faults, calls, limiter)
    return app
