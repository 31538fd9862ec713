"""Two processes refresh overlapping workspaces: each is pulled by one at a time, nothing is lost."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from datetime import date

import pytest
from support.stack import running_stack
from support.warehouse import warehouse_in

from integrations.contracts import PayloadError, ProviderUnavailableError
from integrations.runtime.registry import load_registry
from zebbra_pipeline.ingest.locks import WorkspaceLocks
from zebbra_pipeline.ingest.progress import HELD_UP, lines_of
from zebbra_pipeline.ingest.run import fetch_and_land
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.partitions import WORKSPACES

TODAY = date(2025, 2, 28)
NAMES = ("acme", "globex", "hooli", "initech")
FIGURES = "SELECT * EXCLUDE (batch_id) FROM data_points ORDER BY ALL"
REFRESH = textwrap.dedent(
    f"""
    import asyncio, json, sys, threading, time
    from contextlib import contextmanager
    from integrations.runtime.settings import load_settings
    from zebbra_pipeline.ingest.batches import FetchedStatements
    from zebbra_pipeline.ingest.fetch import WorkspaceFetcher
    from zebbra_pipeline.ingest.locks import WorkspaceLocks
    from zebbra_pipeline.orchestration.refresh import refresh
    from zebbra_pipeline.warehouse import Warehouse

    spans, starts = [], {{}}

    fetch, land, open_to_write = WorkspaceFetcher.fetch, FetchedStatements.land, Warehouse._open_to_write

    async def fetching(self, workspace_id):
        if not starts:
            print("ready", flush=True)
        starts[workspace_id] = time.monotonic()
        while not told.is_set():
            await asyncio.sleep(0.01)
        return await fetch(self, workspace_id)

    def landing(self, session, run_id):
        try:
            return land(self, session, run_id)
        finally:  # the lock is released after this
            who = self.origin.workspace_id
            spans.append(("pull " + who, starts[who], time.monotonic()))

    @contextmanager
    def writing(self, purpose):
        with open_to_write(self, purpose) as database:
            began = time.monotonic()
            yield database
            spans.append(("write", began, time.monotonic()))

    WorkspaceFetcher.fetch, FetchedStatements.land = fetching, landing
    Warehouse._open_to_write = writing
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
    names = sys.argv[1].split(",")
    result = refresh(
        {{name: frozenset(["xero"]) for name in names}}, load_settings(),
        as_of="{TODAY}", tell=lambda line: None,
    )
    print(json.dumps([spans, result.failures]))
    """
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("twice"), today=TODAY, history_months=2) as running:
        for name in NAMES:
            running.connect(name, xero="Globex" if name == "globex" else "Acme Trading Inc")
        with open_instance(running.settings.dagster_home) as instance:
            # In an order that makes each refresh below one range. Left to the processes, the one
            # that comes second may have two, the first of which the other one holds wholly.
            instance.add_dynamic_partitions(str(WORKSPACES.name), list(NAMES))
        yield running


def both_at_once(stack, *ranges):
    """
    Refresh each range in a process of its own; return what they did when, and failures.

    All wait with their first workspaces until each has one.
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-c", REFRESH, names],
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONWARNINGS": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=stack.home,
        )
        for names in ranges
    ]
    try:
        for child in children:
            assert "ready\n" in iter(child.stdout.readline, "")
        for child in children:
            child.stdin.write("\n")
            child.stdin.flush()
        answers = [
            json.loads(child.communicate(timeout=100)[0].splitlines()[-1]) for child in children
        ]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    return [spans for spans, _ in answers], [failures for _, failures in answers]


def overlapping(spans, other):
    """Return what both did at the same moment, of what only one may do."""
    return [
        (name, start, end)
        for name, start, end in spans
        for name_2, start_2, end_2 in other
        if name == name_2 and start < end_2 and start_2 < end
    ]


def test_runs_over_overlapping_ranges_pull_each_workspace_one_after_the_other(stack):
    spans, failures = both_at_once(stack, "acme,globex,hooli", "globex,hooli,initech")

    assert failures == [{}, {}]
    pulled = [sorted(name for name, *_ in own if name.startswith("pull")) for own in spans]
    assert pulled == [
        ["pull acme", "pull globex", "pull hooli"],
        ["pull globex", "pull hooli", "pull initech"],
    ]
    assert overlapping(*spans) == []
    together = [
        (a, b)
        for a, start, end in spans[0]
        for b, start_2, end_2 in spans[1]
        if a.startswith("pull") and b.startswith("pull") and start < end_2 and start_2 < end
    ]
    assert together, "the runs were never at work at the same time"

    at_once = stack.query(FIGURES)
    assert {row[0] for row in at_once} == set(NAMES)
    one_by_one = stack.refresh(**dict.fromkeys(NAMES, "xero"), full=True)
    assert one_by_one.failures == {}
    assert stack.query(FIGURES) == at_once


def test_a_run_that_waits_for_another_one_says_so_in_its_log(stack):
    hold = warehouse_in(stack.home).locks.workspace("acme")
    heard = []

    def let_go(line):
        heard.append(line)
        hold.close()

    with lines_of(HELD_UP, show=let_go):
        result = stack.refresh(acme="xero")

    with open_instance(stack.settings.dagster_home) as instance:
        logged = [entry.user_message for run in result.runs for entry in instance.all_logs(run)]
    assert result.failures == {}
    assert heard == ["Xero acme waits: another run is fetching it"]
    assert [line for line in logged if "waits" in line] == heard


async def test_a_workspace_that_is_never_let_go_fails_alone(tmp_path):
    hold = warehouse_in(tmp_path).locks.workspace("acme")
    async with WorkspaceLocks(warehouse_in(tmp_path), "Xero", wait_s=0.0) as locks:
        with pytest.raises(ProviderUnavailableError) as raised:
            await locks.acquire("acme")
        other = await locks.acquire("globex")

    hold.close()
    assert str(raised.value) == (
        "Xero: workspace 'acme': another run has been fetching it for 0 minutes"
    )
    assert other is not None
    assert (
        warehouse_in(tmp_path).locks.workspace("globex") is not None
    )  # let go, though it never landed


async def test_a_fetch_that_fails_lets_its_workspace_go_and_waiting_goes_on_then(tmp_path):
    tried = []

    async def fetch(workspace_id):
        tried.append(workspace_id)
        if len(tried) == 1:
            await asyncio.sleep(0)
            raise ProviderUnavailableError("Xero: down")
        raise PayloadError("Xero: odd")

    outcomes = await fetch_and_land(
        load_registry().get("xero"),
        ["acme", "acme"],
        fetch=fetch,
        kept={},
        warehouse=warehouse_in(tmp_path),
        run_id="run",
    )

    assert [item.reason for item in outcomes] == ["Xero: down", "Xero: odd"]
