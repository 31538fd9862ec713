"""DemoBooks: a small emulator by which the sandbox kit is tested, and an app that connects to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.sandbox_kit import (
    BuildSandbox,
    LimitRule,
    OAuthProvider,
    OAuthRules,
    RateLimiter,
    Refusal,
    SandboxContext,
    SandboxControl,
    SandboxTenant,
    build_emulator,
    consent,
    control_route,
    sandbox_app,
    serve_in_thread,
)

REDIRECT = "http://localhost:8765/integration/demobooks/callback"
TODAY = date(2026, 11, 24)
TENANTS = (
    SandboxTenant("org-1", "Brightside Bakery (sandbox)"),
    SandboxTenant("org-2", "Marsh & Daughters <Ltd> (sandbox)"),
)

LIKE_XERO = OAuthRules(
    client_auth=("basic", "body", "none"),
    access_lifetime_s=1800,
    code_lifetime_s=300,
    grace=timedelta(minutes=30),
    idle_limit=timedelta(days=60),
    pkce=True,
    jwt_access_tokens=True,
    answer=("id_token", "access_token", "expires_in", "token_type", "refresh_token", "scope"),
    offline_scope="offline_access",
    scopes_additive=True,
    tenants_per_grant="many",
    shared_connections=True,
    revoke_ends="user",
)
LIKE_GUSTO = OAuthRules(
    client_auth=("body",),
    json_body=True,
    access_lifetime_s=7200,
    grace=None,
    answer=("access_token", "token_type", "expires_in", "refresh_token", "created_at", "scope"),
    default_scopes=("companies:read", "employees:read"),
)
LIKE_QUICKBOOKS = OAuthRules(
    json_body=True,
    rotate_after=timedelta(hours=24),
    idle_limit=timedelta(days=100),
    answer=(
        "token_type",
        "expires_in",
        "refresh_token",
        "x_refresh_token_expires_in",
        "access_token",
    ),
    token_type="bearer",
    tenant_on_redirect="realmId",
)


class DemoBooks:
    """A provider with one report, a list of connections and something to note."""

    def __init__(self, rules: OAuthRules, context: SandboxContext) -> None:
        self.context = context
        self.oauth = OAuthProvider(slug="demobooks", tenants=TENANTS, rules=rules, context=context)
        self.notes: list[str] = []

    async def report(self, request: Request) -> Response:
        access = self.oauth.access(request)
        if access.grant is None:
            return JSONResponse({"problem": access.problem}, status_code=401)
        tenant = request.headers.get("tenant", access.grant.tenant_ids[0])
        if not self.oauth.may_see(access.grant, tenant):
            return JSONResponse({"problem": "forbidden"}, status_code=403)
        return JSONResponse(
            {"as_of": str(self.context.today), "tenant": tenant, "notes": self.notes}
        )

    async def connections(self, request: Request) -> Response:
        grant = self.oauth.grant_for(request)
        if grant is None:
            return JSONResponse({}, status_code=401)
        return JSONResponse(
            [
                {"id": item.id, "tenantId": item.tenant_id, "authEventId": item.event_id}
                for item in self.oauth.connections(grant)
            ]
        )

    async def disconnect(self, request: Request) -> Response:
        grant = self.oauth.grant_for(request)
        gone = grant is not None and self.oauth.remove_connection(grant, request.path_params["id"])
        return Response(status_code=204 if gone else 404)

    def key_of(self, request: Request, per: str) -> str | None:
        grant = self.oauth.peek(request)
        if grant is None:
            return None
        return grant.user_id if per == "user" else grant.tenant_ids[0]

    def note(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.notes.append(body["text"])
        return {"notes": len(self.notes)}

    def build(self, limits: tuple[LimitRule, ...]) -> Starlette:
        return build_emulator(
            oauth=self.oauth,
            routes=[
                *self.oauth.routes(authorize="/authorize", token="/token", revoke="/revoke"),
                Route("/report", self.report),
                Route("/connections", self.connections, methods=["GET"]),
                Route("/connections/{id}", self.disconnect, methods=["DELETE"]),
            ],
            limiter=RateLimiter(
                limits,
                clock=self.context.clock,
                key_of=self.key_of,
                headers=lambda usage: {
                    f"X-{name}-Remaining": str(used.remaining) for name, used in usage.items()
                },
                refuse=_refuse,
            ),
            error=lambda status: JSONResponse({"Title": "Demo fault"}, status_code=status),
            trace_header="Demo-Correlation-Id",
            control_routes=[control_route("/note", self.note)],
            on_reset=[self.notes.clear],
        )


def _refuse(refusal: Refusal) -> Response:
    headers = {"X-Rate-Limit-Problem": refusal.name}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return Response(status_code=429, headers=headers)


def demo_builder(rules: OAuthRules, *limits: LimitRule) -> BuildSandbox:
    """Return DemoBooks' `build_sandbox` for these rules."""
    return lambda context: DemoBooks(rules, context).build(limits)


@dataclass
class DemoApp:
    """
    An app that a person connects to DemoBooks.

    Attributes:
        url: The emulator's root.
        http: Plain client, which follows no redirect.
        control: Steers the emulator.
    """

    url: str
    http: httpx.Client
    control: SandboxControl
    basic: tuple[str, str] | None = ("app", "s3cret")

    def authorize_url(self, **changes: str | None) -> str:
        """Return the consent page's URL; a parameter set to None is left out."""
        query = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": REDIRECT,
            "state": "st 1/ü",
            "scope": "offline_access reports.read",
        } | changes
        kept = {name: value for name, value in query.items() if value is not None}
        return f"{self.url}/authorize?{urlencode(kept)}"

    def consent(
        self, *tenant_ids: str, user_id: str | None = None, **changes: str | None
    ) -> dict[str, str]:
        """Let the person allow; return the redirect's parameters."""
        location = consent(
            self.authorize_url(**changes), tenant_ids=tenant_ids or ("org-1",), user_id=user_id
        )
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint, in the way that this app authenticates."""
        if self.basic is not None:
            return self.http.post(f"{self.url}/token", data=form, auth=self.basic)
        body = {"client_id": "app", "client_secret": "s3cret", **form}
        return self.http.post(f"{self.url}/token", data=body)

    def exchange(self, code: str, **form: str) -> httpx.Response:
        return self.token(
            grant_type="authorization_code", code=code, **{"redirect_uri": REDIRECT, **form}
        )

    def connect(
        self, *tenant_ids: str, user_id: str | None = None, **changes: str
    ) -> dict[str, Any]:
        """Consent and exchange; return the token answer."""
        answer = self.exchange(self.consent(*tenant_ids, user_id=user_id, **changes)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def report(self, access_token: str, **headers: str) -> httpx.Response:
        return self.get("report", access_token, **headers)

    def get(self, path: str, access_token: str, **headers: str) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {access_token}"}
        return self.http.get(f"{self.url}/{path}", headers={**bearer, **headers})


@contextmanager
def demo_app(
    rules: OAuthRules, *limits: LimitRule, state_dir: Path | None = None
) -> Iterator[DemoApp]:
    """Serve DemoBooks with *rules* while the block runs."""
    app = sandbox_app({"demobooks": demo_builder(rules, *limits)}, today=TODAY, state_dir=state_dir)
    with serve_in_thread(app) as base, httpx.Client(timeout=10) as http:
        url = f"{base}/demobooks"
        basic = ("app", "s3cret") if "basic" in rules.client_auth else None
        yield DemoApp(url, http, SandboxControl(url), basic)
