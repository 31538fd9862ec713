"""The clients that others use with QuickBooks work against the emulator."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.quickbooks_sandbox import ACME, QuickBooksSandbox, chart, quickbooks_sandbox

from integrations.quickbooks.sandbox.realms import realm_id

HERE = Path(__file__).parent
LOCK = HERE / "public_clients.lock"
TODAY = date(2024, 3, 31)


@pytest.fixture(scope="session")
def python_with_clients(request: pytest.FixtureRequest) -> Path:
    """Return an interpreter with the clients of the lock file; made once, then found again."""
    version = sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = Path(request.config.cache.mkdir("quickbooks-clients")) / version
    python = home / "bin" / "python"
    ready = home / "ready"
    with FileLock(f"{home}.lock"):
        if not ready.exists():
            venv.create(home, with_pip=True, clear=True)
            _install(python)
            ready.touch()
    return python


def _install(python: Path) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    done = subprocess.run(
        [*command, "--only-binary", ":all:", "--requirement", LOCK],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    if done.returncode == 0:
        return
    if "CI" not in os.environ and "No matching distribution found" in done.stderr:
        pytest.skip("no package registry can be reached; the public clients are not installed")
    pytest.fail(f"pip could not install {LOCK.name}:\n{done.stderr}")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[QuickBooksSandbox]:
    with quickbooks_sandbox(TODAY) as served:
        yield served


@pytest.fixture(scope="module")
def found(python_with_clients: Path, sandbox: QuickBooksSandbox) -> dict[str, Any]:
    """Return what the clients made of the emulator."""
    done = subprocess.run(
        [python_with_clients, "-I", HERE / "public_clients.py", sandbox.base, realm_id(ACME)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_by_title(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the figures of a report by title: of headers, accounts and totals."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for part in (row.get("Header"), row, row.get("Summary")):
            if part and "ColData" in part:
                title, *figures = (cell["value"] for cell in part["ColData"])
                found[title] = figures
        found |= rows_by_title(row.get("Rows", {}).get("Row", []))
    return found


def test_official_client_connects_by_discovery_and_refreshes(found: dict[str, Any]) -> None:
    assert found["state_came_back"]
    assert found["realm"] == realm_id(ACME)
    assert found["same_refresh_token"]
    assert found["refresh_token_lives_s"] == 8_726_400


def test_objects_are_read(found: dict[str, Any]) -> None:
    truth = chart(ACME, TODAY)

    assert found["company"] == ACME.name
    assert found["closing_date"] == "2024-01-31"
    assert found["account_count"] == len(found["accounts"]) == len(truth.books.accounts)
    assert found["accounts"]["20"] == ["Rent [HQ]:Repairs & Maintenance", "Expense", True]


def test_reports_are_read_with_the_books_figures(found: dict[str, Any]) -> None:
    books = chart(ACME, TODAY).books
    profit = rows_by_title(found["profit_and_loss"]["Rows"]["Row"])
    balance = rows_by_title(found["balance_sheet"]["Rows"]["Row"])
    rent = books.account("469").id

    assert [Decimal(text) for text in profit["Net Income"]] == [
        books.net_profit(date(2024, 1, 1), date(2024, 1, 31)),
        books.net_profit(date(2024, 2, 1), date(2024, 2, 29)),
        books.net_profit(date(2024, 3, 1), date(2024, 3, 31)),
        books.net_profit(date(2024, 1, 1), date(2024, 3, 31)),
    ]
    assert Decimal(profit["Rent [HQ]"][1]) == books.movement(
        rent, date(2024, 2, 1), date(2024, 2, 29)
    )
    assert balance["TOTAL ASSETS"] == balance["TOTAL LIABILITIES AND EQUITY"]
    assert len(balance["TOTAL ASSETS"]) == 3


def test_refusals_arrive_as_the_errors_that_the_clients_know(found: dict[str, Any]) -> None:
    assert {key: found[key] for key in ("bad_parameter", "unknown_report")} == {
        "bad_parameter": "ValidationException",
        "unknown_report": "ObjectNotFoundException",
    }
    assert found["revoked_token"] == "AuthorizationException"
    assert found["revoked_refresh"] == "AuthClientError"
