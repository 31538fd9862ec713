"""
Where Xero shows a statement to who is signed in there. Pure.

https://developer.xero.com/documentation/api-guides/deep-link-xero: the organisation's short
code, and a number for each report that differs by region. The page lists the balance sheet's
three numbers, and 1016 in its example; the other profit and loss numbers follow its scheme.
"""

import re

from integrations.contracts import Statement
from integrations.xero.organisation import Organisation

_SHORT_CODE = re.compile(r"!?([A-Za-z0-9_-]{3,20})", re.ASCII)
_REGIONS = {"US": 1100, "GB": 1200}
_ELSEWHERE = 1000
_REPORTS = {Statement.PROFIT_AND_LOSS: 16, Statement.BALANCE_SHEET: 17}


def report_urls(organisation: Organisation) -> dict[Statement, str]:
    """Return the page of each statement; nothing where the organisation has no short code."""
    code = _SHORT_CODE.fullmatch(organisation.short_code or "")
    if code is None:
        return {}
    region = _REGIONS.get(organisation.country or "", _ELSEWHERE)
    return {
        statement: f"https://reporting.xero.com/!{code[1]}/v1/Run/{region + number}"
        for statement, number in _REPORTS.items()
    }
