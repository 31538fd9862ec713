"""What one connection may cost, and how many there may be."""

import resource
from dataclasses import dataclass

from integrations.contracts import ConfigurationError
from integrations.runtime.settings import Settings

_FEWEST_DESCRIPTORS = 96
_LEAST_RESERVE, _LARGEST_RESERVE = 64, 512


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """
    What is accepted below HTTP; far above what browsers, proxies and the pipeline need.

    Attributes:
        connections: How many may be open. Above it, those that ask for nothing are closed.
        per_address: How many of them one address may have without the service key.
        spare: How many more are let in when all of them are busy, until it is known whether
            they show the service key; without it they get 503.
        header_bytes: Longest request line and headers together.
        header_fields: Most headers of one request, trailers included.
        framed_bytes: Longest body as it is sent, with the framing of its chunks.
        pipelined: Most requests that wait on one connection for the answer to an earlier one.
        headers_s: Longest time to the end of a request's headers.
        body_idle_s: Longest pause within a body.
        receive_s: Longest time to the end of a request.
        answer_idle_s: Longest time in which a client takes nothing of its answer.
        total_s: Longest time from a request's first byte to the last of its answer. A refresh at
            a slow provider takes up to 45 s of it.
        linger_s: How long the rest of a request is read, and thrown away, after its answer.
        ending_s: Longest pause of a client that takes its answer while the service ends.
    """

    connections: int = 1_000
    per_address: int = 100
    spare: int = 16
    header_bytes: int = 32 * 1024
    header_fields: int = 100
    framed_bytes: int = 256 * 1024
    pipelined: int = 16
    headers_s: float = 10.0
    body_idle_s: float = 10.0
    receive_s: float = 30.0
    answer_idle_s: float = 20.0
    total_s: float = 180.0
    linger_s: float = 5.0
    ending_s: float = 2.0


def server_limits(settings: Settings) -> ServerLimits:
    """
    Return the limits of this process.

    Raises:
        ConfigurationError: If the process may open too few files to serve at all.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ServerLimits(
        connections=connections_within(soft, settings.oauth_connections),
        per_address=settings.oauth_connections_per_address,
    )


def connections_within(descriptors: int, wanted: int) -> int:
    """
    Return how many connections may be open where a process may have so many descriptors.

    A part of them is kept for the token store, the key files and connections to providers.

    Args:
        descriptors: `ulimit -n`, or `resource.RLIM_INFINITY`.
        wanted: The setting.

    Raises:
        ConfigurationError: If too few descriptors would be left.
    """
    if descriptors == resource.RLIM_INFINITY:
        return wanted
    if descriptors < _FEWEST_DESCRIPTORS:
        raise ConfigurationError(
            f"this process may open {descriptors} files; the OAuth service needs at least "
            f"{_FEWEST_DESCRIPTORS}: raise 'ulimit -n' (LimitNOFILE in systemd)"
        )
    reserve = min(_LARGEST_RESERVE, max(_LEAST_RESERVE, descriptors // 4))
    return min(wanted, descriptors - reserve)
