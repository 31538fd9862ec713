"""`OAuthProvider`: the authorize page, the token and the revoke endpoint of an emulator."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from integrations.sandbox_kit.context import SandboxContext, SandboxTenant
from integrations.sandbox_kit.grants import Connection, Grant
from integrations.sandbox_kit.issuing import Access, GrantBook, OAuthError
from integrations.sandbox_kit.pages import page
from integrations.sandbox_kit.rules import OAuthRules

_CARRIED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class _PageRefusal(Exception):  # noqa: N818 -- it is a page, not a fault
    """The authorize request is refused on a page; nobody is sent back."""

    def __init__(self, error: str, explanation: str) -> None:
        super().__init__(error)
        self.error = error
        self.explanation = explanation


class OAuthProvider:
    """
    An emulator's OAuth half.

    Any client id and secret work, unless the id or the secret starts with `wrong`.

    Args:
        slug: The integration's, e.g. `xero`.
        tenants: Organisations that a person can connect; a function is asked anew each time.
        rules: How the provider differs from others.
        context: Clock and place of the state.
        name: The provider's name on pages; by default the capitalised slug.

    Attributes:
        book: Grants and tokens, for control routes and tests.
    """

    def __init__(
        self,
        *,
        slug: str,
        tenants: Sequence[SandboxTenant] | Callable[[], Sequence[SandboxTenant]],
        rules: OAuthRules,
        context: SandboxContext,
        name: str | None = None,
    ) -> None:
        self.slug = slug
        self.name = name or slug.capitalize()
        self.rules = rules
        self.context = context
        self.book = GrantBook(rules, context, issuer=f"https://sandbox.invalid/{slug}")
        self._tenants = tenants

    @property
    def tenants(self) -> list[SandboxTenant]:
        """Organisations that exist; vanished ones are left out."""
        every = self._tenants() if callable(self._tenants) else self._tenants
        gone = self.book.vanished
        return [tenant for tenant in every if tenant.id not in gone]

    def routes(self, *, authorize: str, token: str, revoke: str | None = None) -> list[Route]:
        """Return the endpoints at the provider's own paths."""
        routes = [
            Route(authorize, self._authorize_page, methods=["GET"]),
            Route(authorize, self._authorize_decision, methods=["POST"]),
            Route(token, self._token, methods=["POST"]),
        ]
        if revoke is not None:
            routes.append(Route(revoke, self._revoke, methods=["POST"]))
        return routes

    # -- for the API half

    def access(self, request: Request, *, counts_as_use: bool = True) -> Access:
        """Return what the request's bearer token is worth, and why it is worth nothing."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.book.access(
            token.strip() if scheme.lower() == "bearer" else None, counts_as_use=counts_as_use
        )

    def grant_for(self, request: Request) -> Grant | None:
        """Return the live grant of the bearer token; None for expired, ended or unknown ones."""
        return self.access(request).grant

    def peek(self, request: Request) -> Grant | None:
        """Return the same without counting as a use of the token."""
        return self.access(request, counts_as_use=False).grant

    def connections(self, grant: Grant) -> list[Connection]:
        """Return what *grant* may see, oldest first."""
        return self.book.connections(grant)

    def may_see(self, grant: Grant, tenant_id: str) -> bool:
        """Whether *grant* covers an organisation that still exists."""
        return any(item.tenant_id == tenant_id for item in self.book.connections(grant))

    def remove_connection(self, grant: Grant, connection_id: str) -> bool:
        """End the sight of one organisation; False if there is no such connection."""
        return self.book.remove_connection(grant, connection_id)

    # -- authorize

    async def _authorize_page(self, request: Request) -> Response:
        asked = dict(request.query_params)
        try:
            scopes = self._checked(asked)
        except _PageRefusal as refusal:
            return self._refused(refusal)
        return self._consent_page(request, asked, scopes)

    async def _authorize_decision(self, request: Request) -> Response:
        pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        form = dict(pairs)
        try:
            scopes = self._checked(form)
        except _PageRefusal as refusal:
            return self._refused(refusal)
        asked = {name: form[name] for name in _CARRIED if name in form}
        if form.get("decision") != "allow":
            return _redirect(asked, {"error": "access_denied"})
        chosen = list(dict.fromkeys(value for name, value in pairs if name == "tenant_id"))
        problem = self._problem_with(chosen)
        if problem:
            return self._consent_page(request, asked, scopes, problem=problem)
        challenged = asked.get("code_challenge_method") == "S256"
        grant, code = self.book.open_grant(
            client_id=asked["client_id"],
            user_id=form.get("user_id", "").strip() or self.rules.owner,
            tenant_ids=chosen,
            scopes=scopes,
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge") if challenged else None,
        )
        extra = {"code": code}
        if self.rules.tenant_on_redirect is not None:
            extra[self.rules.tenant_on_redirect] = grant.tenant_ids[0]
        return _redirect(asked, extra)

    def _checked(self, asked: Mapping[str, str]) -> tuple[str, ...]:
        """Return the scopes of a sound authorize request."""
        client_id = asked.get("client_id", "")
        if not client_id or client_id.startswith("wrong"):
            raise _PageRefusal("unauthorized_client", "No app has this client id.")
        if not self._redirect_is_allowed(asked.get("redirect_uri", "")):
            raise _PageRefusal(
                "invalid_request",
                "Invalid redirect_uri: expected https, or http for "
                f"{' or '.join(self.rules.plain_http_hosts)}.",
            )
        if asked.get("response_type") != "code":
            raise _PageRefusal("unsupported_response_type", "Expected response_type=code.")
        challenged = self.rules.pkce and "code_challenge" in asked
        if challenged and asked.get("code_challenge_method") != "S256":
            raise _PageRefusal("invalid_request", "Expected code_challenge_method=S256.")
        scopes = tuple(asked.get("scope", "").split()) or self.rules.default_scopes
        refused = self.rules.refused_scopes(scopes)
        if refused:
            raise _PageRefusal("invalid_scope", f"This app may not ask for {', '.join(refused)}.")
        return scopes

    def _redirect_is_allowed(self, uri: str) -> bool:
        parts = urlsplit(uri)
        if parts.fragment or not parts.hostname:
            return False
        return parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in self.rules.plain_http_hosts
        )

    def _problem_with(self, chosen: Sequence[str]) -> str | None:
        if not chosen:
            return "Choose an organisation, or deny."
        if not {tenant.id for tenant in self.tenants}.issuperset(chosen):
            return "There is no such organisation any more. Choose another one."
        if len(chosen) > 1 and self.rules.tenants_per_grant == "one":
            return "Choose one organisation only."
        return None

    def _consent_page(
        self,
        request: Request,
        asked: Mapping[str, str],
        scopes: Sequence[str],
        *,
        problem: str | None = None,
    ) -> Response:
        return page(
            "consent.html",
            status=200 if problem is None else 422,
            provider=self.name,
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            scopes=scopes,
            tenants=self.tenants,
            many=self.rules.tenants_per_grant == "many",
            hidden={name: asked[name] for name in _CARRIED if name in asked},
            action=request.url.path,
            user_id=asked.get("login_hint") or self.rules.owner,
            problem=problem,
        )

    def _refused(self, refusal: _PageRefusal) -> Response:
        return page(
            "refusal.html",
            status=500 if refusal.error == "invalid_scope" else 400,
            provider=self.name,
            error=refusal.error,
            explanation=refusal.explanation,
        )

    # -- token and revoke

    async def _token(self, request: Request) -> Response:
        try:
            form = await self._form(request)
            answer = self._token_answer(form, client_id=self._client(request, form))
        except OAuthError as refusal:
            return _oauth_error(refusal)
        return JSONResponse(answer, headers=_NO_STORE)

    def _token_answer(self, form: Mapping[str, str], *, client_id: str) -> dict[str, Any]:
        match form.get("grant_type"):
            case "authorization_code":
                return self.book.exchange_code(
                    form.get("code", ""),
                    client_id=client_id,
                    redirect_uri=form.get("redirect_uri"),
                    verifier=form.get("code_verifier"),
                )
            case "refresh_token":
                return self.book.refresh(form.get("refresh_token", ""), client_id=client_id)
            case _:
                raise OAuthError("unsupported_grant_type")

    async def _revoke(self, request: Request) -> Response:
        try:
            form = await self._form(request)
            self.book.revoke(form.get("token", ""), client_id=self._client(request, form))
        except OAuthError as refusal:
            return _oauth_error(refusal)
        return Response(status_code=200, headers=_NO_STORE)

    async def _form(self, request: Request) -> dict[str, str]:
        """Return the body's fields; a secret in the query is refused, as logs keep queries."""
        if "client_secret" in request.query_params:
            raise OAuthError("invalid_request")
        body = (await request.body()).decode("utf-8", "replace")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return dict(parse_qsl(body))
        if not self.rules.json_body:
            raise OAuthError("invalid_request")
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OAuthError("invalid_request")
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def _client(self, request: Request, form: Mapping[str, str]) -> str:
        """Return the id of the app that authenticates itself."""
        basic = _basic_credentials(request.headers.get("authorization", ""))
        if basic is not None:
            way, (client_id, secret) = "basic", basic
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
            way = "body" if secret else "none"
        wrong = client_id.startswith("wrong") or secret.startswith("wrong")
        missing = not client_id or (way != "none" and not secret)
        if way not in self.rules.client_auth or wrong or missing:
            raise OAuthError("invalid_client", status=401)
        return client_id


def _basic_credentials(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def _oauth_error(refusal: OAuthError) -> Response:
    headers = dict(_NO_STORE)
    if refusal.status == 401:  # noqa: PLR2004 -- Unauthorized
        headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
    return JSONResponse({"error": refusal.error}, status_code=refusal.status, headers=headers)


def _redirect(asked: Mapping[str, str], extra: Mapping[str, str]) -> Response:
    """Return the redirect to the app; its own query parameters and the state stay."""
    parts = urlsplit(asked["redirect_uri"])
    added = dict(extra)
    if "state" in asked:
        added["state"] = asked["state"]
    query = "&".join(filter(None, (parts.query, urlencode(added))))
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)
