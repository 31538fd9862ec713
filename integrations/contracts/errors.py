"""
Every error a plugin may raise, sorted by what the caller should do.

IntegrationError
├── ProviderUnavailableError   wait `retry_after_s`, then try again
│   ├── TooSlowError           ask for less at once, if that is possible
│   └── DayLimitError          come back at `come_back_at`; hold no slot until then
├── ReconnectRequiredError     a person must open the connect page
├── NotConnectedError          nothing was ever granted; there is nothing to fetch
├── ConfigurationError         the operator must change a setting or the provider app
│   └── OperatorError          the same for every workspace of the integration
├── AccessDeniedError          a person lacks a permission or scope at the provider
├── RequestRefusedError        the provider calls our request wrong; no retry will help
└── PayloadError               our parser does not know this answer; no retry will help

Texts name the place and what was found there by type, never by value: payroll payloads
hold salaries and token answers hold tokens.
"""

from datetime import datetime


class IntegrationError(Exception):
    """Base of all errors that a plugin or the runtime raises about a provider."""


class ProviderUnavailableError(IntegrationError):
    """
    The provider is down, slow or throttling; the same request may work later.

    Attributes:
        retry_after_s: Seconds the provider asked us to wait, or our own guess.
    """

    def __init__(self, message: str, *, retry_after_s: float = 60.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooSlowError(ProviderUnavailableError):
    """
    No answer in time: we gave up waiting, or the provider's own gateway did (504).

    The same request may work later, a smaller one may work now.
    """


class DayLimitError(ProviderUnavailableError):
    """
    A long quota (usually the day's) is used up.

    Attributes:
        come_back_at: When the quota resets, timezone-aware.
    """

    def __init__(self, message: str, *, retry_after_s: float, come_back_at: datetime) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.come_back_at = come_back_at


class ReconnectRequiredError(IntegrationError):
    """
    The grant is dead or its tenant has vanished; a person must connect again.

    Attributes:
        connect_url: Link to hand to that person, when the OAuth service gave one.
    """

    def __init__(self, message: str, *, connect_url: str | None = None) -> None:
        super().__init__(message)
        self.connect_url = connect_url


class NotConnectedError(IntegrationError):
    """The workspace has never connected this integration, or has disconnected it."""


class ConfigurationError(IntegrationError):
    """A setting, or the operator's app at the provider, is missing or wrong."""


class OperatorError(ConfigurationError):
    """The operator's app or service key is refused: every workspace of the integration fails."""


class AccessDeniedError(IntegrationError):
    """The connection works but lacks a permission or scope that this request needs."""


class RequestRefusedError(IntegrationError):
    """
    The provider refused the request itself.

    Attributes:
        status: HTTP status of the refusal.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class PayloadError(IntegrationError):
    """An answer does not have the shape that the provider documents."""
