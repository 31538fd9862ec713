"""The template of a path, `/api/workspaces/{workspace_id}/...`, for counting requests."""

import re
from collections.abc import Iterable

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
