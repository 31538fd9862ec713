"""
The query language, as far as clients need it to list things.

https://developer.intuit.com/app/developer/qbo/docs/learn/explore-the-quickbooks-online-api/data-queries
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from integrations.quickbooks.sandbox import entities
from integrations.quickbooks.sandbox.parameters import BadParameterError
from integrations.quickbooks.sandbox.realms import Realm

_QUERY = re.compile(
    r"select\s+(?P<what>\*(?:\s*,\s*\w+)?|count\(\*\))\s+from\s+(?P<entity>\w+)"
    r"(?:\s+startposition\s+(?P<start>\d+))?(?:\s+maxresults\s+(?P<most>\d+))?\s*;?",
    re.IGNORECASE,
)
_ENTITIES: Mapping[str, Callable[[Realm], list[dict[str, Any]]]] = {
    "Account": lambda realm: entities.accounts(realm.chart),
    "CompanyInfo": lambda realm: [entities.company_info(realm.books)],
    "Preferences": lambda realm: [entities.preferences(realm.books)],
}
_USUAL_MOST = 100


def answer_query(realm: Realm, text: str) -> dict[str, Any]:
    """
    Return the `QueryResponse` of a query without conditions.

    Raises:
        BadParameterError: If it is of a kind that this sandbox does not know.
    """
    match = _QUERY.fullmatch(" ".join(text.split()))
    names = {name.lower(): name for name in _ENTITIES}
    name = names.get(match["entity"].lower()) if match else None
    if match is None or name is None:
        raise BadParameterError(
            "query: this sandbox knows 'select * from' and 'select count(*) from' "
            f"{', '.join(_ENTITIES)}, with startposition and maxresults"
        )
    found = _ENTITIES[name](realm)
    if not match["what"].startswith("*"):
        return {"totalCount": len(found)}
    start = max(int(match["start"] or 1), 1)
    shown = found[start - 1 :][: int(match["most"] or _USUAL_MOST)]
    if not shown:
        return {}
    return {name: shown, "startPosition": start, "maxResults": len(shown)}
