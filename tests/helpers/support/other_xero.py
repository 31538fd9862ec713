"""Another server that speaks Xero's protocol: written for this test, shares nothing with ours."""

import json
from calendar import monthrange
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

TENANT = "6f2d1a34-0b6b-4a54-9a0e-3b5a40d7c0de"
SALES = "11111111-aaaa-4bbb-8ccc-000000000001"
BANK = "11111111-aaaa-4bbb-8ccc-000000000002"


def sales_of(year: int, month: int) -> str:
    """Invented, and different in every month."""
    return f"{(year - 2000) * 100 + month}.{month:02d}"


def columns(base: date, count: int) -> list[date]:
    months = [(base.year * 12 + base.month - 1 - back) for back in range(count)]
    return [date(m // 12, m % 12 + 1, monthrange(m // 12, m % 12 + 1)[1]) for m in months]


def row(label: str, account: str, values: list[str]) -> dict:
    mark = [{"Id": "account", "Value": account}]
    return {
        "RowType": "Row",
        "Cells": [{"Value": text, "Attributes": mark} for text in (label, *values)],
    }


def total(label: str, values: list[str], kind: str = "SummaryRow") -> dict:
    return {"RowType": kind, "Cells": [{"Value": text} for text in (label, *values)]}


def report(title: str, head: list[str], sections: list[tuple[str, list[dict]]]) -> dict:
    rows: list[dict] = [{"RowType": "Header", "Cells": [{"Value": t} for t in ("", *head)]}]
    rows += [{"RowType": "Section", "Title": name, "Rows": inner} for name, inner in sections]
    titles = ["A report", "Elsewhere Ltd", title]
    return {"Status": "OK", "Reports": [{"ReportTitles": titles, "Rows": rows}]}


def profit_and_loss(query: dict[str, str]) -> dict:
    first, last = date.fromisoformat(query["fromDate"]), date.fromisoformat(query["toDate"])
    months = columns(last, int(query.get("periods", 0)) + 1)
    values = [sales_of(m.year, m.month) for m in months]
    window = f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
    return report(
        window,
        [f"{m.day} {m:%b %y}" for m in months],
        [
            ("Turnover", [row("Fees & Charges", SALES, values), total("Total Turnover", values)]),
            ("", [total("NET PROFIT", values, "Row")]),
        ],
    )


def balance_sheet(query: dict[str, str]) -> dict:
    day = date.fromisoformat(query["date"])
    months = columns(day, int(query.get("periods", 0)) + 1)
    values = ["5.00"] * len(months)
    return report(
        f"As at {months[0].day} {months[0]:%B %Y}",
        [f"{m.day} {m:%b %Y}" for m in months],
        [
            ("Assets", []),
            ("Bank", [row("Current Account", BANK, values), total("Total Bank", values)]),
            ("", [total("Net Assets", values, "Row")]),
        ],
    )


class OtherXero(BaseHTTPRequestHandler):
    """OAuth without a page, and four resources."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/sign-in":
            back = urlencode({"code": "c0de", "state": query["state"]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.end_headers()
            return
        if self.headers["Authorization"] != "Bearer opaque-access":
            self._answer({"Title": "Unauthorized", "Detail": "no"}, 401)
            return
        if parts.path == "/connections":
            found = {"id": "c-1", "tenantId": TENANT, "tenantType": "ORGANISATION"}
            self._answer([found | {"tenantName": "Elsewhere Ltd"}])
            return
        if self.headers["xero-tenant-id"] != TENANT:
            self._answer({"Title": "Forbidden", "Detail": "AuthenticationUnsuccessful"}, 403)
            return
        organisation = {"Name": "Elsewhere Ltd", "BaseCurrency": "SEK", "OrganisationID": TENANT}
        answers = {
            "/api.xro/2.0/Organisation": lambda: {"Organisations": [organisation]},
            "/api.xro/2.0/Reports/ProfitAndLoss": lambda: profit_and_loss(query),
            "/api.xro/2.0/Reports/BalanceSheet": lambda: balance_sheet(query),
        }
        self._answer(answers[parts.path]())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        fields = {"access_token": "opaque-access", "refresh_token": "opaque-refresh"}
        self._answer(fields | {"expires_in": 1800, "token_type": "Bearer"})

    def _answer(self, content: object, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


class OtherServer:
    """Runs it: `with OtherServer() as url`."""

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), OtherXero)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://localhost:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
