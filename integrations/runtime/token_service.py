"""The OAuth service as the pipeline sees it: its HTTP API, never its store."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, SecretStr, ValidationError

from integrations.contracts import (
    ConfigurationError,
    ConnectionList,
    IntegrationAccess,
    NotConnectedError,
    OperatorError,
    OutboundRequest,
    PayloadError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    TooSlowError,
)
from integrations.runtime.http import HttpSession, RawAnswer
from integrations.runtime.retry import retry_after_s
from integrations.runtime.urls import check_oauth_url

Model = TypeVar("Model", bound=BaseModel)

_OK, _UNAUTHORIZED, _NOT_FOUND, _CONFLICT = 200, 401, 404, 409
_SERVER_ERROR, _BAD_GATEWAY, _UNAVAILABLE = 500, 502, 503
_TOKEN_TIMEOUT_S = 90.0
"""Longer than a refresh that the service itself waits for."""
_UNASKED_RETRY_AFTER_S = 60.0


class UnknownWorkspaceError(LookupError):
    """The OAuth service has never heard of that workspace."""


@dataclass(frozen=True, slots=True)
class ProviderState:
    """One integration of one workspace, as the connect page shows it."""

    name: str
    connected: bool
    requires_reconnect: bool
    configured: bool
    tenant_name: str | None


def connection_page(oauth_url: str, workspace_id: str, slug: str) -> str:
    """Return the operator's page of a connection; it asks for an operator's link (zebbra admin)."""
    return f"{oauth_url.rstrip('/')}/admin/connections/{quote(workspace_id)}/{slug}"


class OAuthService:
    """
    Client of the OAuth service's API.

    Args:
        http: Session that sends the requests.
        url: Where the service is reached, e.g. `http://localhost:8765`.
        service_key: What the token API asks for.
        request_id: What the service's log shows with each request, e.g. a Dagster run's id.

    Raises:
        ConfigurationError: If the service key would be sent in plain text to another machine.
    """

    def __init__(
        self,
        http: HttpSession,
        url: str,
        service_key: SecretStr,
        *,
        request_id: str | None = None,
    ) -> None:
        check_oauth_url("oauth_url", url)
        self._http = http
        self._url = url.rstrip("/")
        self._key = service_key
        self._headers = {} if request_id is None else {"X-Request-ID": request_id}

    def connection_page(self, workspace_id: str, slug: str) -> str:
        """Return the operator's page of a connection; no request is made."""
        return connection_page(self._url, workspace_id, slug)

    async def providers(self, workspace_id: str) -> list[ProviderState]:
        """
        Return the state of every integration for a workspace.

        Raises:
            UnknownWorkspaceError: If no connect link was ever made for it.
            IntegrationError: If the service does not answer or refuses the key.
        """
        answer = await self._get(
            f"/integration/providers?{urlencode({'workspace_id': workspace_id})}"
        )
        if answer.status == _NOT_FOUND:
            raise UnknownWorkspaceError(
                f"workspace {workspace_id!r} is not known; "
                f"make a connect link for it first: zebbra connect {workspace_id}"
            )
        return [
            ProviderState(
                name=item["name"],
                connected=item["connected"],
                requires_reconnect=item["requires_reconnect"],
                configured=item["configured"],
                tenant_name=item.get("tenant_name"),
            )
            for item in self._json(answer)
        ]

    async def connections(
        self, changed_since: str | None = None, *, workspace_id: str | None = None
    ) -> ConnectionList:
        """
        Return connections and the cursor from which to ask for later changes.

        Args:
            changed_since: A cursor: only connections that changed after it.
            workspace_id: Only the connections of this workspace.

        Raises:
            IntegrationError: If the service does not answer or refuses the key.
            PayloadError: If its answer is malformed.
        """
        given = {"changed_since": changed_since, "workspace_id": workspace_id}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        answer = await self._get("/api/connections" + (f"?{query}" if query else ""))
        if answer.status != _OK:
            raise self._refusal(answer)
        return _parsed(ConnectionList, answer, "connections")

    async def not_ready(self) -> tuple[str, ...]:
        """
        Return what the service lacks, e.g. `keys`; empty while it is ready.

        Raises:
            IntegrationError: If the service does not answer, or in another way.
        """
        answer = await self._get("/healthz/ready")
        if answer.status == _UNAVAILABLE:
            return tuple(str(name) for name in _problem(answer).get("not_ready", ()))
        self._json(answer)
        return ()

    async def history(self, workspace_id: str, slug: str) -> list[dict[str, Any]]:
        """
        Return what happened to a connection's grant lately, oldest first.

        Each item has `at`, `outcome`, `detail`, `trace_id` and `token_fingerprint`.

        Raises:
            IntegrationError: If the service does not answer or refuses the key.
        """
        path = f"/api/workspaces/{quote(workspace_id)}/integrations/{quote(slug)}/history"
        return list(self._json(await self._get(path))["history"])

    async def workspaces(self) -> list[dict[str, str]]:
        """
        Return `[{"workspace_id", "workspace_name"}]` of all workspaces.

        Raises:
            IntegrationError: If the service does not answer or refuses the key.
        """
        return list(self._json(await self._get("/api/workspaces"))["workspaces"])

    async def connect_link(self, workspace_id: str, name: str | None = None) -> dict[str, str]:
        """
        Make a connect link: `{"url", "expires_at"}`. A new workspace becomes known by it.

        Raises:
            IntegrationError: If the service does not answer or refuses the key.
        """
        body = {"workspace_id": workspace_id} | ({"workspace_name": name} if name else {})
        answer = await self._send(
            OutboundRequest(
                "POST",
                f"{self._url}/api/connect-links",
                json=body,
                bearer=self._secret,
                headers=self._headers,
            )
        )
        return dict(self._json(answer, expected=(_OK, 201)))

    async def admin_link(self) -> dict[str, str]:
        """
        Make a link to the operator's page: `{"url", "expires_at"}`.

        Raises:
            IntegrationError: If the service does not answer or refuses the key.
        """
        request = OutboundRequest(
            "POST", f"{self._url}/api/admin-links", bearer=self._secret, headers=self._headers
        )
        return dict(self._json(await self._send(request)))

    async def access(
        self, workspace_id: str, slug: str, *, rejected: str | None = None
    ) -> IntegrationAccess:
        """
        Return an access token and the pinned tenant.

        Args:
            workspace_id: The customer.
            slug: The integration.
            rejected: Fingerprint of a token that the provider has just refused.

        Raises:
            NotConnectedError: If there is no grant.
            ReconnectRequiredError: If the grant is dead; carries the connect link.
            ProviderUnavailableError: If the provider's token endpoint or the service is down.
            OperatorError: If the operator's app or the service key is refused.
            ConfigurationError: If the service cannot read this connection's tokens.
            PayloadError: If the provider's or the service's answer is not understood.
        """
        query = "" if rejected is None else f"?{urlencode({'rejected': rejected})}"
        path = f"/api/workspaces/{quote(workspace_id)}/integrations/{quote(slug)}/token{query}"
        answer = await self._get(path)
        if answer.status == _OK:
            return _parsed(IntegrationAccess, answer, "token")
        raise self._refusal(answer)

    def _refusal(self, answer: RawAnswer) -> Exception:
        problem = _problem(answer)
        detail = str(problem.get("detail") or problem.get("title") or f"status {answer.status}")
        if answer.status == _CONFLICT:
            if "not_connected" in (str(problem.get("code")), str(problem.get("type"))):
                return NotConnectedError(detail)
            url = problem.get("connect_url")
            return ReconnectRequiredError(detail, connect_url=str(url) if url else None)
        if answer.status == _NOT_FOUND:
            return NotConnectedError(detail)
        if answer.status == _UNAVAILABLE:
            asked_s = retry_after_s(answer.headers.get("retry-after"), now=datetime.now(UTC))
            return ProviderUnavailableError(
                detail, retry_after_s=_UNASKED_RETRY_AFTER_S if asked_s is None else asked_s
            )
        return self._fault(answer, problem.get("code"), detail)

    def _fault(self, answer: RawAnswer, code: object, detail: str) -> Exception:
        if code == "configuration":
            refused = answer.status == _BAD_GATEWAY  # else one connection's tokens are unreadable
            return OperatorError(detail) if refused else ConfigurationError(detail)
        if code == "provider_answer":
            return PayloadError(detail)
        if answer.status >= _SERVER_ERROR:
            return ProviderUnavailableError(
                f"the OAuth service at {self._url} fails with status {answer.status}; see its log"
            )
        return ConfigurationError(detail)

    async def _get(self, path: str) -> RawAnswer:
        return await self._send(
            OutboundRequest("GET", self._url + path, bearer=self._secret, headers=self._headers)
        )

    async def _send(self, request: OutboundRequest) -> RawAnswer:
        try:
            answer = await self._exchange(request)
        except ProviderUnavailableError as exc:
            raise ProviderUnavailableError(
                f"the OAuth service does not answer at {self._url}; "
                "start it with 'zebbra serve', or set ZEBBRA_OAUTH_URL to where it runs",
                retry_after_s=exc.retry_after_s,
            ) from exc
        if answer.status == _UNAUTHORIZED:
            raise OperatorError(
                f"the OAuth service at {self._url} refuses our service key; "
                "ZEBBRA_SERVICE_KEY (or service.key in ZEBBRA_HOME) must be the same for both"
            )
        return answer

    async def _exchange(self, request: OutboundRequest) -> RawAnswer:
        """Send a request; one that only reads is sent again where its connection broke."""
        try:
            return await self._http.send(request, timeout_s=_TOKEN_TIMEOUT_S)
        except TooSlowError:
            raise
        except ProviderUnavailableError:
            if request.method != "GET":
                raise
            # The service closes a connection that nobody has used for some seconds, perhaps
            # just as it is used again: that is no reason for a workspace to fail.
            return await self._http.send(request, timeout_s=_TOKEN_TIMEOUT_S)

    def _json(self, answer: RawAnswer, expected: tuple[int, ...] = (_OK,)) -> Any:
        if answer.status not in expected:
            raise self._refusal(answer)
        return answer.json()

    @property
    def _secret(self) -> str:
        return self._key.get_secret_value()


class ServiceTokens:
    """Supplies the tokens of one connection, as the HTTP client asks for them."""

    def __init__(self, service: OAuthService, workspace_id: str, slug: str) -> None:
        self._service = service
        self._workspace_id = workspace_id
        self._slug = slug

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        """Return the current token; see `OAuthService.access`."""
        return await self._service.access(self._workspace_id, self._slug, rejected=rejected)


def _parsed(kind: type[Model], answer: RawAnswer, what: str) -> Model:
    try:
        return kind.model_validate_json(answer.body)
    except ValidationError as exc:
        fields = sorted({".".join(map(str, error["loc"])) or "JSON" for error in exc.errors()})
        raise PayloadError(f"OAuth service: {what}: malformed {', '.join(fields[:3])}") from None


def _problem(answer: RawAnswer) -> dict[str, Any]:
    try:
        content = answer.json()
    except PayloadError:
        return {}
    return content if isinstance(content, dict) else {}
