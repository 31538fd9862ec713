"""Which URLs a setting may hold: keys, tokens and cookies are not sent in plain text."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from integrations.contracts import ConfigurationError

_BEHIND_A_PROXY = (
    "set it to the https URL of the proxy that ends TLS, and let the service listen behind it "
    "with --host and --port"
)


def check_url(name: str, value: str, *, remedy: str = "use https") -> None:
    """
    See whether *value* is an absolute https URL without a query; http is for this machine alone.

    Args:
        name: The setting.
        value: Never in the error: people put secrets into URLs.
        remedy: What to do about http to another machine.

    Raises:
        ConfigurationError: If it is not, by name.
    """
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and not parts.query
        usable = usable and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{name}: expected a URL such as 'https://host.example/', found other text"
        )
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        raise ConfigurationError(
            f"{name}: expected https, or a loopback host such as localhost, found http and "
            f"another host; {remedy}"
        )


def check_oauth_url(name: str, value: str) -> None:
    """
    The same, of the URL where browsers and the pipeline reach the OAuth service.

    Raises:
        ConfigurationError: If it is malformed or in plain text, by name.
    """
    check_url(name, value, remedy=_BEHIND_A_PROXY)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
