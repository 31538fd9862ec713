"""
The authorization code grant of one workspace, from "Connect" to a pinned tenant.

New tokens are stored before they are used, since some providers invalidate the previous tokens
on first use.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749 import AccessDeniedError  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from starlette.concurrency import run_in_threadpool

from integrations.contracts import (
    ConfigurationError,
    IntegrationAccess,
    IntegrationError,
    IntegrationPlugin,
    NewGrant,
    OAuthApp,
    ProviderUnavailableError,
    ReconnectRequiredError,
    Tenant,
    TokenSet,
)
from integrations.runtime.backoff import Backoff
from integrations.runtime.http import HttpSession
from oauth_service.grants.apps import OperatorApps
from oauth_service.grants.errors import ConsentError, ConsentProblem
from oauth_service.grants.lease import RefreshPolicy
from oauth_service.grants.token_endpoint import AppRefused, Granted, GrantRefused, Unavailable, ask
from oauth_service.security.sessions import Session
from oauth_service.store import (
    LoginState,
    OtherTenantPinnedError,
    PendingGrant,
    StateProblem,
    Store,
)

CONSENT_LIFETIME = timedelta(minutes=15)
"""Time limit for the provider's consent page, and again for the choice of a tenant."""
STATE_CHARACTERS = 48
VERIFIER_CHARACTERS = 64
"""Random letters and digits; RFC 7636 requires at least 43 for a verifier."""

_PROBLEM_OF_STATE = {
    StateProblem.UNKNOWN: ConsentProblem.STATE_UNKNOWN,
    StateProblem.EXPIRED: ConsentProblem.STATE_EXPIRED,
    StateProblem.USED: ConsentProblem.STATE_USED,
    StateProblem.OTHER_SESSION: ConsentProblem.STATE_OF_OTHER_SESSION,
}
_ERROR_CODE = re.compile(r"[A-Za-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Pinned:
    """The connection is complete."""

    tenant: Tenant


@dataclass(frozen=True, slots=True)
class ChoiceNeeded:
    """The grant covers several tenants; the user must choose one."""

    grant_id: str


class _NewTokens:
    """Token source of a grant without a tenant yet."""

    def __init__(self, plugin: IntegrationPlugin, tokens: TokenSet) -> None:
        self._plugin = plugin
        self._tokens = tokens

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        if rejected is not None:
            raise ReconnectRequiredError(
                f"{self._plugin.name}: the provider rejects the access token that it has just issued"
            )
        return IntegrationAccess(
            access_token=self._tokens.access_token,
            token_type=self._tokens.token_type,
            expires_at=self._tokens.expires_at,
            tenant_id="",
            tenant_name="",
            scopes=self._tokens.scopes,
        )


class ConsentFlow:
    """The steps of connecting. A step that cannot continue raises `ConsentError`."""

    def __init__(
        self,
        *,
        store: Store,
        apps: OperatorApps,
        http: HttpSession,
        clock: Callable[[], datetime],
        policy: RefreshPolicy,
    ) -> None:
        self._store = store
        self._apps = apps
        self._http = http
        self._clock = clock
        self._policy = policy

    def check_configured(self, plugin: IntegrationPlugin) -> None:
        """Raise `ConsentError` if the operator's app for *plugin* is not configured."""
        self._app(plugin)

    async def begin(self, session: Session, plugin: IntegrationPlugin) -> str:
        """Store the state of a new consent and return the URL of the provider's consent page."""
        app = self._app(plugin)
        state = generate_token(STATE_CHARACTERS)
        verifier = generate_token(VERIFIER_CHARACTERS) if plugin.oauth.pkce else None
        now = self._clock()
        login = LoginState(session.session_id, session.workspace_id, plugin.slug, verifier)
        await run_in_threadpool(
            self._store.consents.add_state,
            state,
            login,
            now=now,
            expires_at=now + CONSENT_LIFETIME,
        )
        return plugin.oauth.oauth_login(
            app,
            redirect_uri=self._apps.redirect_uri(plugin),
            state=state,
            code_challenge=None if verifier is None else create_s256_code_challenge(verifier),
        )

    async def complete(
        self, session: Session, plugin: IntegrationPlugin, answer: Mapping[str, str]
    ) -> Pinned | ChoiceNeeded:
        """
        Complete the consent from the query of the provider's redirect.

        Args:
            session: The browser's session, which must have started the consent.
            plugin: The integration.
            answer: Query parameters of the redirect.

        Returns:
            The pinned tenant, or the pending grant if the user must choose one.

        Raises:
            ConsentError: If the consent ended without a connection.
        """
        login = await self._started_here(session, plugin, answer.get("state", ""))
        if "error" in answer:
            code = answer["error"]
            if code == AccessDeniedError.error:
                raise ConsentError(ConsentProblem.DENIED, plugin)
            shown = code if _ERROR_CODE.fullmatch(code) else "an error"
            raise ConsentError(ConsentProblem.REFUSED, plugin, code=shown)
        if not answer.get("code"):
            raise ConsentError(ConsentProblem.NO_CODE, plugin)
        app = self._app(plugin)
        tokens = await self._exchange(plugin, app, answer["code"], login)
        if tokens.refresh_token is None:
            raise ConsentError(ConsentProblem.NO_REFRESH_TOKEN, plugin)
        grant = await self._keep(session, plugin, tokens)
        tenants = await self._tenants(plugin, app, grant, answer)
        if len(tenants) == 1:
            await self._pin(grant, tenants[0])
            return Pinned(tenants[0])
        await run_in_threadpool(self._store.consents.offer_tenants, grant.grant_id, tenants)
        return ChoiceNeeded(grant.grant_id)

    async def offered(
        self, session: Session, plugin: IntegrationPlugin, grant_id: str
    ) -> PendingGrant:
        """Return the pending grant *grant_id*, which offers several tenants."""
        grant = await run_in_threadpool(
            self._store.consents.grant,
            grant_id,
            session_id=session.session_id,
            now=self._clock(),
        )
        if grant is None or grant.integration != plugin.slug or not grant.tenants:
            raise ConsentError(ConsentProblem.CHOICE_IS_OVER, plugin)
        return grant

    async def choose(
        self, session: Session, plugin: IntegrationPlugin, grant_id: str, tenant_id: str
    ) -> Pinned:
        """Pin the tenant that the user chose from those offered."""
        grant = await self.offered(session, plugin, grant_id)
        for tenant in grant.tenants:
            if tenant.id == tenant_id:
                await self._pin(grant, tenant)
                return Pinned(tenant)
        raise ConsentError(ConsentProblem.NO_TENANTS, plugin)

    async def _started_here(
        self, session: Session, plugin: IntegrationPlugin, state: str
    ) -> LoginState:
        login = await run_in_threadpool(
            self._store.consents.use_state,
            state,
            session_id=session.session_id,
            integration=plugin.slug,
            now=self._clock(),
        )
        if isinstance(login, StateProblem):
            raise ConsentError(_PROBLEM_OF_STATE[login], plugin)
        if login.workspace_id != session.workspace_id:
            raise ConsentError(ConsentProblem.STATE_OF_OTHER_SESSION, plugin)
        return login

    async def _exchange(
        self, plugin: IntegrationPlugin, app: OAuthApp, code: str, login: LoginState
    ) -> TokenSet:
        request = plugin.oauth.oauth_callback(
            app,
            code=code,
            redirect_uri=self._apps.redirect_uri(plugin),
            code_verifier=login.verifier,
        )
        pauses = Backoff(self._policy.backoff_s, self._policy.longest_backoff_s)
        for failures in range(self._policy.attempts):
            if failures:
                await asyncio.sleep(pauses.wait_s(failures))
            verdict = await ask(
                self._http,
                plugin,
                request,
                now=self._clock(),
                timeout_s=self._policy.attempt_s,
            )
            match verdict:
                case Granted():
                    return verdict.tokens
                case GrantRefused():
                    raise ConsentError(ConsentProblem.CODE_REFUSED, plugin)
                case AppRefused():
                    raise ConsentError(
                        ConsentProblem.APP_REFUSED,
                        plugin,
                        detail=verdict.detail,
                        settings=verdict.settings,
                    )
                case Unavailable():
                    continue
        raise ConsentError(ConsentProblem.UNAVAILABLE, plugin)

    async def _keep(
        self, session: Session, plugin: IntegrationPlugin, tokens: TokenSet
    ) -> PendingGrant:
        now = self._clock()
        grant = PendingGrant(
            grant_id=generate_token(32),
            session_id=session.session_id,
            workspace_id=session.workspace_id,
            integration=plugin.slug,
            tokens=tokens,
            tenants=(),
        )
        await run_in_threadpool(
            self._store.consents.add_grant, grant, now=now, expires_at=now + CONSENT_LIFETIME
        )
        return grant

    async def _tenants(
        self,
        plugin: IntegrationPlugin,
        app: OAuthApp,
        grant: PendingGrant,
        answer: Mapping[str, str],
    ) -> tuple[Tenant, ...]:
        client = await self._http.bind(
            plugin, tokens=_NewTokens(plugin, grant.tokens), base_url=app.api_base_url
        ).open()
        callback = {name: value for name, value in answer.items() if name not in _SECRET_FIELDS}
        try:
            tenants = await plugin.oauth.find_tenants(client, NewGrant(grant.tokens, callback))
        except ProviderUnavailableError:
            raise ConsentError(ConsentProblem.UNAVAILABLE, plugin) from None
        except IntegrationError as exc:
            raise ConsentError(ConsentProblem.TENANTS_NOT_FOUND, plugin, reason=str(exc)) from exc
        if not tenants:
            await run_in_threadpool(self._store.consents.drop_grant, grant.grant_id)
            raise ConsentError(ConsentProblem.NO_TENANTS, plugin)
        return tenants

    async def _pin(self, grant: PendingGrant, tenant: Tenant) -> None:
        plugin = self._apps.registry.get(grant.integration)
        try:
            pinned = await run_in_threadpool(
                self._store.connections.connect, grant, tenant, now=self._clock()
            )
        except OtherTenantPinnedError as exc:
            if not grant.tenants:  # no other tenant to choose
                await run_in_threadpool(self._store.consents.drop_grant, grant.grant_id)
            raise ConsentError(
                ConsentProblem.OTHER_ORGANISATION,
                plugin,
                pinned=exc.pinned.name,
                chosen=tenant.name,
            ) from None
        if not pinned:
            raise ConsentError(ConsentProblem.CHOICE_IS_OVER, plugin)

    def _app(self, plugin: IntegrationPlugin) -> OAuthApp:
        try:
            return self._apps.app(plugin)
        except ConfigurationError:
            raise ConsentError(ConsentProblem.NOT_CONFIGURED, plugin) from None


_SECRET_FIELDS = frozenset({"code", "state"})
