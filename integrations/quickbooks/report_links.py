"""
Where QuickBooks shows a statement to who is signed in there. Pure.

Second hand: Intuit does not document these pages. Their address and the names of the reports are
found alike in the published code of several who open them. The page shows the company that is
open in the browser; the address has no place for another one.
"""

from collections.abc import Mapping
from types import MappingProxyType

from integrations.contracts import Statement

_PAGE = "https://app.qbo.intuit.com/app/reportv2?token="

REPORT_URLS: Mapping[Statement, str] = MappingProxyType(
    {
        Statement.PROFIT_AND_LOSS: f"{_PAGE}PANDL",
        Statement.BALANCE_SHEET: f"{_PAGE}BAL_SHEET",
    }
)
