"""Every route of the OAuth service, found in the app itself, and all that its store holds."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from sqlalchemy import select
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from support.oauth_rig import Rig

from oauth_service.store.schema import metadata

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that may change what is stored."""
Row = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Found:
    """One method of one route; *path* is its template."""

    path: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        return self.method in CHANGING

    @property
    def behind_the_key(self) -> bool:
        """Whether it belongs to the API, where the service key counts and no cookie does."""
        return self.path.startswith("/api/")

    @property
    def for_the_operator(self) -> bool:
        return self.path == "/admin" or self.path.startswith("/admin/")

    def of(self, workspace_id: str) -> str:
        """Return a path that names *workspace_id*."""
        values = {"workspace_id": workspace_id, "slug": "toybooks"}
        unknown = set(re.findall(r"{(\w+)", self.path)) - set(values)
        assert not unknown, f"{self}: say here what to put for {unknown}"
        return self.path.format(**values)


def walk(app: FastAPI) -> list[Found]:
    """Return all routes, but for the files of the style; fail on a kind that is not known."""
    return sorted(set(_walked(app.routes)))


def _walked(routes: Iterable[BaseRoute]) -> Iterator[Found]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _walked(included.routes)
        elif isinstance(route, Route):
            methods = (route.methods or set()) - {"HEAD", "OPTIONS"}
            assert methods, f"{route.path}: takes every method"
            for method in methods:
                yield Found(route.path, method)
        else:
            assert isinstance(route, Mount), f"{route!r}: teach the walk this kind of route"
            assert isinstance(route.app, StaticFiles), (
                f"{route!r}: teach the walk this kind of route"
            )


def whole_store(rig: Rig) -> dict[str, list[Row]]:
    """Return all rows of all tables."""
    with rig.services.store._database.reading() as transaction:
        return {
            table.name: sorted(
                (dict(row) for row in transaction.execute(select(table)).mappings()), key=str
            )
            for table in metadata.sorted_tables
        }


def rows_of_others(rig: Rig, workspace_id: str) -> list[Row]:
    """Return all rows but those of *workspace_id* and the counters."""
    return [
        {"table": table, **row}
        for table, rows in whole_store(rig).items()
        for row in rows
        if table != "numbers" and row["workspace_id"] != workspace_id
    ]
