"""The authorize page of an emulator: the user allows or denies access."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from integrations.sandbox_kit.book import GrantBook
from integrations.sandbox_kit.context import SandboxTenant
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


class _PageRefusal(Exception):  # noqa: N818 -- it is a page, not a fault
    """The authorize request is refused on a page, without a redirect."""

    def __init__(self, error: str, explanation: str) -> None:
        super().__init__(error)
        self.error = error
        self.explanation = explanation


@dataclass(frozen=True, slots=True)
class _Choice:
    """The choices of the user so far."""

    user_id: str
    tenant_ids: tuple[str, ...] = ()
    problem: str | None = None


class AuthorizePage:
    """
    Shows the request for access, and turns the user's decision into a redirect.

    Args:
        provider: The provider's name.
        tenants: Returns the organisations that exist.
        book: Keeps the grant.
    """

    def __init__(
        self,
        *,
        provider: str,
        tenants: Callable[[], Sequence[SandboxTenant]],
        rules: OAuthRules,
        book: GrantBook,
    ) -> None:
        self._provider = provider
        self._tenants = tenants
        self._rules = rules
        self._book = book

    async def show(self, request: Request) -> Response:
        asked = dict(request.query_params)
        try:
            scopes = self._checked(asked)
        except _PageRefusal as refusal:
            return self._refused(refusal)
        choice = _Choice(asked.get("login_hint") or self._rules.owner)
        return self._consent_page(request, asked, scopes, choice)

    async def decide(self, request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        pairs = parse_qsl(body, keep_blank_values=True)
        form = dict(pairs)
        try:
            scopes = self._checked(form)
        except _PageRefusal as refusal:
            return self._refused(refusal)
        if form.get("decision") != "allow":
            return _redirect(form, {"error": "access_denied"})
        chosen = tuple(dict.fromkeys(value for name, value in pairs if name == "tenant_id"))
        user_id = form.get("user_id", "").strip() or self._rules.owner
        problem = self._problem_with(chosen)
        if problem is not None:
            return self._consent_page(request, form, scopes, _Choice(user_id, chosen, problem))
        _, code = self._book.open_grant(
            client_id=form["client_id"],
            user_id=user_id,
            tenant_ids=chosen,
            scopes=scopes,
            redirect_uri=form["redirect_uri"],
            challenge=form.get("code_challenge"),
        )
        extra = {"code": code}
        if self._rules.tenant_on_redirect is not None:
            extra[self._rules.tenant_on_redirect] = chosen[0]
        return _redirect(form, extra)

    def _checked(self, asked: Mapping[str, str]) -> tuple[str, ...]:
        """Return the scopes of an authorize request; an invalid one raises `_PageRefusal`."""
        client_id = asked.get("client_id", "")
        if not client_id or client_id.startswith("wrong"):
            raise _PageRefusal("unauthorized_client", "No app has this client id.")
        if not self._redirect_is_allowed(asked.get("redirect_uri", "")):
            raise _PageRefusal(
                "invalid_request",
                "Invalid redirect_uri: expected https, or http for "
                f"{' or '.join(self._rules.plain_http_hosts)}.",
            )
        if asked.get("response_type") != "code":
            raise _PageRefusal("unsupported_response_type", "Expected response_type=code.")
        challenged = self._rules.pkce and "code_challenge" in asked
        if challenged and asked.get("code_challenge_method") != "S256":
            raise _PageRefusal("invalid_request", "Expected code_challenge_method=S256.")
        scopes = tuple(asked.get("scope", "").split()) or self._rules.default_scopes
        refused = self._rules.refused_scopes(scopes)
        if refused:
            raise _PageRefusal("invalid_scope", f"This app may not ask for {', '.join(refused)}.")
        return scopes

    def _redirect_is_allowed(self, uri: str) -> bool:
        try:
            parts = urlsplit(uri)
        except ValueError:
            return False
        if parts.fragment or not parts.hostname:
            return False
        return parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in self._rules.plain_http_hosts
        )

    def _problem_with(self, chosen: Sequence[str]) -> str | None:
        if not chosen:
            return "Choose an organisation, or deny."
        if not {tenant.id for tenant in self._tenants()}.issuperset(chosen):
            return "There is no such organisation any more. Choose another one."
        if len(chosen) > 1 and self._rules.tenants_per_grant == "one":
            return "Choose one organisation only."
        return None

    def _consent_page(
        self,
        request: Request,
        asked: Mapping[str, str],
        scopes: Sequence[str],
        choice: _Choice,
    ) -> Response:
        return page(
            "consent.html",
            status=200 if choice.problem is None else 422,
            provider=self._provider,
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            scopes=scopes,
            tenants=self._tenants(),
            many=self._rules.tenants_per_grant == "many",
            hidden={name: asked[name] for name in _CARRIED if name in asked},
            action=request.url.path,
            user_id=choice.user_id,
            chosen=choice.tenant_ids,
            problem=choice.problem,
        )

    def _refused(self, refusal: _PageRefusal) -> Response:
        # Xero shows "Error code 500" for a scope that the app may not use.
        return page(
            "refusal.html",
            status=500 if refusal.error == "invalid_scope" else 400,
            provider=self._provider,
            error=refusal.error,
            explanation=refusal.explanation,
        )


def _redirect(asked: Mapping[str, str], extra: Mapping[str, str]) -> Response:
    """Return the redirect to the app; its own query parameters and the state stay."""
    parts = urlsplit(asked["redirect_uri"])
    added = dict(extra)
    if "state" in asked:
        added["state"] = asked["state"]
    query = "&".join(filter(None, (parts.query, urlencode(added))))
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)
