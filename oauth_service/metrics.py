"""Counters of this process and states of the store, in Prometheus' text format."""

from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts what this process did since it started."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._refreshes: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()

    def refresh(self, integration: str, outcome: str) -> None:
        """Count one answer, or missing answer, of a token endpoint to a refresh."""
        with self._lock:
            self._refreshes[integration, outcome] += 1

    def token_request(self, integration: str, outcome: str) -> None:
        """Count one request for an access token."""
        with self._lock:
            self._tokens[integration, outcome] += 1

    def text(self, connections: Mapping[tuple[str, str], int]) -> str:
        """
        Return the exposition.

        Args:
            connections: Count by integration and state.
        """
        with self._lock:
            refreshes, tokens = dict(self._refreshes), dict(self._tokens)
        families = (
            (
                "zebbra_oauth_refreshes_total",
                "counter",
                "Refreshes by what the provider's token endpoint answered.",
                "outcome",
                refreshes,
            ),
            (
                "zebbra_oauth_token_requests_total",
                "counter",
                "Requests for an access token by what they were answered.",
                "outcome",
                tokens,
            ),
            (
                "zebbra_oauth_connections",
                "gauge",
                "Connections by state.",
                "state",
                dict(connections),
            ),
        )
        lines: list[str] = []
        for name, kind, meaning, label, values in families:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            lines += _samples(name, label, values.items())
        return "\n".join(lines) + "\n"


def _samples(name: str, label: str, values: Iterable[tuple[tuple[str, str], int]]) -> Iterable[str]:
    for (integration, value), count in sorted(values):
        yield f'{name}{{integration="{integration}",{label}="{value}"}} {count}'
