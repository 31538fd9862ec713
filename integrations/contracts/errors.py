"""
The errors that plugins and the runtime raise, by what the caller should do.

IntegrationError
├── ProviderUnavailableError   retry after `retry_after_s`
│   ├── TooSlowError           send a smaller request if possible
│   └── DayLimitError          defer until `come_back_at` and release the slot
├── ReconnectRequiredError     a user must open the connect page
├── NotConnectedError          there is no grant, so nothing to fetch
├── ConfigurationError         the operator must change a setting or the provider app
│   └── OperatorError          the same, for every workspace of the integration
├── AccessDeniedError          the user or the grant lacks a permission or scope
├── RequestRefusedError        the provider rejected the request; a retry does not help
└── PayloadError               the answer has an unknown shape; a retry does not help

Messages name the place and the type of what was found there, never its value: payroll payloads
contain salaries and token answers contain tokens.
"""

from datetime import datetime


class IntegrationError(Exception):
    """Base class of the errors that a plugin or the runtime raises about a provider."""


class ProviderUnavailableError(IntegrationError):
    """
    The provider is down, slow or rate limiting; the same request may work later.

    Attributes:
        retry_after_s: Seconds to wait, as given by the provider or estimated.
    """

    def __init__(self, message: str, *, retry_after_s: float = 60.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooSlowError(ProviderUnavailableError):
    """
    The request timed out, at our limit or at the provider's gateway (504).

    The same request may work later; a smaller one may work now.
    """


class DayLimitError(ProviderUnavailableError):
    """
    A long quota, usually the daily one, is used up.

    Attributes:
        come_back_at: When the quota resets, timezone-aware.
    """

    def __init__(self, message: str, *, retry_after_s: float, come_back_at: datetime) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.come_back_at = come_back_at


class ReconnectRequiredError(IntegrationError):
    """
    The grant no longer works or its tenant is gone; a user must connect again.

    Attributes:
        connect_url: Link to the connect page; None if the OAuth service returned none.
    """

    def __init__(self, message: str, *, connect_url: str | None = None) -> None:
        super().__init__(message)
        self.connect_url = connect_url


class NotConnectedError(IntegrationError):
    """The workspace has never connected this integration, or has disconnected it."""


class ConfigurationError(IntegrationError):
    """A setting, or the operator's app at the provider, is missing or wrong."""


class OperatorError(ConfigurationError):
    """The operator's app or service key is rejected: every workspace of the integration fails."""


class AccessDeniedError(IntegrationError):
    """The connection works but lacks a permission or scope that the request needs."""


class RequestRefusedError(IntegrationError):
    """
    The provider rejected the request itself.

    Attributes:
        status: HTTP status of the answer.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class PayloadError(IntegrationError):
    """An answer does not have the shape documented by the provider."""
