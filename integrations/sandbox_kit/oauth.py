"""`OAuthProvider`: an emulator's OAuth endpoints, and what its API asks about tokens."""

import base64
import binascii
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.sandbox_kit.authorize import AuthorizePage
from integrations.sandbox_kit.book import GrantBook
from integrations.sandbox_kit.context import SandboxContext, SandboxTenant
from integrations.sandbox_kit.grants import Access, Connection, Grant, OAuthError
from integrations.sandbox_kit.rules import OAuthRules

_TOKENS = ("access_token", "refresh_token", "id_token")
_MOST_ISSUED = 20_000
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthProvider:
    """
    The OAuth endpoints of an emulator.

    Any client id and secret work, unless the id or the secret starts with `wrong`.

    Args:
        slug: The integration's, e.g. `xero`.
        tenants: Organisations that a user can connect; a function is called each time.
        rules: The provider's OAuth rules.
        context: Clock and place of the state.
        name: The provider's name on pages; by default the capitalised slug.

    Attributes:
        book: Grants and tokens, for control routes and tests.
        issued: The latest issued tokens, kind and value, oldest first, those from before a
            reset too; tests search logs and files for them.
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
        self.issued: deque[tuple[str, str]] = deque(maxlen=_MOST_ISSUED)
        self._tenants = tenants

    @property
    def tenants(self) -> list[SandboxTenant]:
        """Organisations that exist; vanished ones are left out."""
        every = self._tenants() if callable(self._tenants) else self._tenants
        gone = self.book.vanished
        return [tenant for tenant in every if tenant.id not in gone]

    def routes(self, *, authorize: str, token: str, revoke: str | None = None) -> list[Route]:
        """Return the endpoints at the provider's own paths."""
        page = AuthorizePage(
            provider=self.name, tenants=lambda: self.tenants, rules=self.rules, book=self.book
        )
        routes = [
            Route(authorize, page.show, methods=["GET"]),
            Route(authorize, page.decide, methods=["POST"]),
            Route(token, self._token, methods=["POST"]),
        ]
        if revoke is not None:
            routes.append(Route(revoke, self._revoke, methods=["POST"]))
        return routes

    def access(self, request: Request, *, counts_as_use: bool = True) -> Access:
        """Return the access that the request's bearer token gives, or why it gives none."""
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
        return self.book.may_see(grant, tenant_id)

    def remove_connection(self, grant: Grant, connection_id: str) -> bool:
        """End the access to one organisation; False if there is no such connection."""
        return self.book.remove_connection(grant, connection_id)

    async def _token(self, request: Request) -> Response:
        try:
            form = await self._form(request)
            answer = self._token_answer(form, client_id=self._client(request, form))
        except OAuthError as refusal:
            return _oauth_error(refusal)
        self.issued.extend((kind, answer[kind]) for kind in _TOKENS if kind in answer)
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
