"""The guide's provider is written from its blocks, and does what the guide says."""

import json
import subprocess
import sys
from decimal import Decimal
from importlib import import_module

import pytest
from support.docs import DOCS, ROOT, announce, environ, page, write_package

from integrations.contracts import ApiFacts, RefusalReader, RefusedAnswer

GUIDE = page(DOCS / "add_an_integration.md")
MOST_LINES = 160


@pytest.fixture(scope="module")
def pebble(tmp_path_factory):
    """The package of the guide in a folder of its own, as if it were installed."""
    folder = write_package(GUIDE, tmp_path_factory.mktemp("docs") / "zebbra-pebble")
    return folder, environ(announce(folder), folder / "home")


def run(pebble, *arguments):
    folder, settings = pebble
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def test_smallest_provider_is_small():
    assert sum(block.lines for block in GUIDE.blocks if block.path) <= MOST_LINES


def test_its_code_is_formatted_and_linted(pebble):
    folder, _ = pebble
    config = ["--config", str(ROOT / "pyproject.toml")]
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config, str(folder / "src")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_it_keeps_every_promise_of_the_conformance_kit(pebble):
    done = run(pebble, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "tests")

    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 30


def test_its_figures_land_in_duckdb_and_equal_the_books(pebble):
    folder, _ = pebble
    done = run(pebble, "-m", "support.generating_whole_path", str(folder / "home"), "pebble")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    found = told["found"]["pebble"]
    figures = {
        (account, month): (Decimal(value), currency)
        for account, month, value, currency in found["figures"]
    }
    expected = {
        (account, month): (Decimal(amount), "USD")
        for month, amounts in found["truth"]["months"].items()
        for account, amount in amounts.items()
    }

    assert told["failures"] == {}
    assert figures == expected
    assert len(figures) > 14 * 25
    assert found["calls"] == 3


def test_it_is_listed_with_the_package_that_brought_it(pebble):
    done = run(pebble, "-m", "zebbra_pipeline", "integrations", "--json")
    (listed,) = [
        item for item in json.loads(done.stdout)["integrations"] if item["name"] == "Pebble"
    ]

    assert listed["package"] == "zebbra-pebble 0.1.0"
    assert (listed["api_type"], listed["sandbox"]) == ("accounting", True)


def test_each_example_of_an_odd_provider_exists():
    section = GUIDE.section("Peculiarities of providers")
    modules = {
        word
        for row in section.splitlines()
        if row.startswith("| ")
        for word in row.rpartition("| `")[2].split("`")[:1]
        if word.startswith("integrations.")
    }

    assert len(modules) >= 6
    assert all(import_module(name) for name in modules)


def test_its_example_of_own_error_answers_reads_them():
    (example,) = [block.text for block in GUIDE.blocks if "RefusalReader(" in block.text]
    names = {}
    exec(example, {"ApiFacts": ApiFacts, "RefusalReader": RefusalReader}, names)  # noqa: S102 -- our own page
    (facts,) = names["api"]
    lines = {"lines": [{"text": "No such month"}, {"code": "E7"}], "summary": "Not valid"}
    challenge = {"www-authenticate": "scope_missing"}

    assert list(facts.refusals.messages(RefusedAnswer(400, {}, {"problem": lines}))) == [
        "No such month",
        "E7",
    ]
    assert list(
        facts.refusals.messages(RefusedAnswer(400, {}, {"problem": {"summary": "Not valid"}}))
    ) == ["Not valid"]
    assert facts.refusals.missing_scope(RefusedAnswer(403, challenge, None)) == ""
