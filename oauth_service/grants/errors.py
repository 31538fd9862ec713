"""Reasons why a consent ended without a connection. The web layer has their messages."""

from collections.abc import Mapping
from enum import StrEnum

from integrations.contracts import IntegrationPlugin


class ConsentProblem(StrEnum):
    """
    The reason why a consent ended. In brackets: the keys of `ConsentError.details`.

    Attributes:
        NOT_CONFIGURED: The operator's app is not configured.
        STATE_UNKNOWN: The state of the redirect was never issued, or was deleted since.
        STATE_EXPIRED: The redirect came too late.
        STATE_USED: The state was used before.
        STATE_OF_OTHER_SESSION: Another browser session started this consent.
        DENIED: The user did not grant access.
        REFUSED: The provider returned another error (`code`).
        NO_CODE: The redirect has neither a code nor an error.
        CODE_REFUSED: The provider rejected the authorization code.
        APP_REFUSED: The provider rejected the operator's app (`detail`, `settings`).
        UNAVAILABLE: The provider does not answer.
        NO_REFRESH_TOKEN: The grant has no refresh token.
        TENANTS_NOT_FOUND: The provider did not list the organisations (`reason`).
        NO_TENANTS: The grant covers no organisation, or not the chosen one.
        OTHER_ORGANISATION: Another organisation is pinned (`pinned`, `chosen`: their names).
        CHOICE_IS_OVER: The grant is no longer pending.
    """

    NOT_CONFIGURED = "not_configured"
    STATE_UNKNOWN = "state_unknown"
    STATE_EXPIRED = "state_expired"
    STATE_USED = "state_used"
    STATE_OF_OTHER_SESSION = "state_of_other_session"
    DENIED = "denied"
    REFUSED = "refused"
    NO_CODE = "no_code"
    CODE_REFUSED = "code_refused"
    APP_REFUSED = "app_refused"
    UNAVAILABLE = "unavailable"
    NO_REFRESH_TOKEN = "no_refresh_token"  # noqa: S105 -- a problem's name
    TENANTS_NOT_FOUND = "tenants_not_found"
    NO_TENANTS = "no_tenants"
    OTHER_ORGANISATION = "other_organisation"
    CHOICE_IS_OVER = "choice_is_over"


class ConsentError(Exception):
    """
    A consent that ended without a connection.

    Attributes:
        problem: Why it ended.
        plugin: The integration.
        details: Values for the message; see `ConsentProblem`.
    """

    def __init__(self, problem: ConsentProblem, plugin: IntegrationPlugin, **details: str) -> None:
        super().__init__(f"{plugin.name}: {problem}")
        self.problem = problem
        self.plugin = plugin
        self.details: Mapping[str, str] = details
