"""Which URLs a setting may hold, and where a key or token may go in plain text."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from integrations.contracts import ConfigurationError


def check_url(name: str, value: str) -> None:
    """
    See whether *value* is an absolute http or https URL without a query.

    Raises:
        ConfigurationError: If it is not, naming the setting *name*, never the value.
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


def check_oauth_url(name: str, value: str) -> None:
    """
    See whether the OAuth service may be reached at *value*: by https, or on this machine.

    Its URL carries the service key, access tokens, cookies and the providers' answers.

    Raises:
        ConfigurationError: If that would be plain text on a network, naming the setting *name*.
    """
    check_url(name, value)
    parts = urlsplit(value)
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        raise ConfigurationError(
            f"{name}: expected https, or a loopback host such as localhost, found http and "
            "another host; set it to the https URL of the proxy that ends TLS, and let the "
            "service listen behind it with --host and --port"
        )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
