"""Counts and durations of this process and states of the store, in Prometheus' text format."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.routing import BaseRoute, Mount, Route

UNMATCHED = "unmatched"


class RouteTemplates:
    """
    Finds templates of paths, also of requests that are answered before they are routed.

    Args:
        routes: All routes; those that are asked for most come first.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._found: list[tuple[re.Pattern[str], str]] = []
        for route in routes:
            if isinstance(route, Route):
                self._found.append((route.path_regex, route.path))
            elif isinstance(route, Mount):
                self._found.append((route.path_regex, f"{route.path}/{{path}}"))

    def of(self, path: str) -> str:
        """Return the template of *path*, whatever the method; `unmatched` if there is none."""
        for pattern, template in self._found:
            if pattern.match(path):
                return template
        return UNMATCHED


CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_REFRESH_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
_REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0, 60.0)
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER_METHOD = "other"


class Metrics:
    """Counts what this process did since it started; for one service, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._refreshes = Counter(
            "zebbra_oauth_refreshes",
            "Refreshes by what the provider's token endpoint answered.",
            ("integration", "outcome"),
            registry=self._registry,
        )
        self._refresh_seconds = Histogram(
            "zebbra_oauth_refresh_seconds",
            "Seconds that the provider's token endpoint took to answer a refresh.",
            ("integration", "outcome"),
            buckets=_REFRESH_BUCKETS_S,
            registry=self._registry,
        )
        self._token_requests = Counter(
            "zebbra_oauth_token_requests",
            "Requests for an access token by what they were answered.",
            ("integration", "outcome"),
            registry=self._registry,
        )
        self._requests = Counter(
            "zebbra_oauth_requests",
            "Requests by the template of their path.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "zebbra_oauth_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("route", "method"),
            buckets=_REQUEST_BUCKETS_S,
            registry=self._registry,
        )
        self._closed_connections = Counter(
            "zebbra_oauth_http_connections_closed",
            "HTTP connections that a limit closed or refused, by which.",
            ("reason",),
            registry=self._registry,
        )
        # Finding a series by its labels costs more than counting: each is found once.
        self._token_series: dict[tuple[str, str], Counter] = {}
        self._request_series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def refresh(self, integration: str, outcome: str, seconds: float) -> None:
        """
        Count one answer, or missing answer, of a token endpoint to a refresh.

        Args:
            integration: The slug.
            outcome: What it came to.
            seconds: How long the token endpoint took.
        """
        self._refreshes.labels(integration, outcome).inc()
        self._refresh_seconds.labels(integration, outcome).observe(seconds)

    def connection_closed(self, reason: str) -> None:
        """Count one HTTP connection that a limit closed or refused."""
        self._closed_connections.labels(reason).inc()

    def token_request(self, integration: str, outcome: str) -> None:
        """Count one request for an access token."""
        series = self._token_series.get((integration, outcome))
        if series is None:
            series = self._token_requests.labels(integration, outcome)
            self._token_series[integration, outcome] = series
        series.inc()

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """
        Count one request of any kind.

        Args:
            route: Template of its path; never a path, of which there are too many.
            method: As it came; an unusual one is counted as `other`.
            status: Of the answer.
            seconds: From the request to the end of the answer.
        """
        series = self._request_series.get((route, method, status))
        if series is None:
            if method not in _METHODS:
                method = _OTHER_METHOD
            series = (
                self._requests.labels(route, method, str(status)),
                self._request_seconds.labels(route, method),
            )
            if method != _OTHER_METHOD:
                self._request_series[route, method, status] = series
        counter, histogram = series
        counter.inc()
        histogram.observe(seconds)

    def text(self, connections: Mapping[tuple[str, str], int] | None) -> bytes:
        """
        Return the exposition.

        Args:
            connections: Count by integration and state; None leaves it out.
        """
        return generate_latest(_Exposed(self._registry, connections))


@dataclass(frozen=True, slots=True)
class _Exposed(Collector):
    """
    What a scrape gets to see.

    Without the `_created` samples, one for each series, which Prometheus reads as further gauges;
    prometheus_client leaves them out only for a whole process.
    """

    registry: CollectorRegistry
    connections: Mapping[tuple[str, str], int] | None

    def collect(self) -> Iterator[Metric]:
        for family in self.registry.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family
        if self.connections is not None:
            gauge = GaugeMetricFamily(
                "zebbra_oauth_connections",
                "Connections by state.",
                labels=("integration", "state"),
            )
            for labels, count in sorted(self.connections.items()):
                gauge.add_metric(labels, count)
            yield gauge
