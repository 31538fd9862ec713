"""The drill of the deployment guide is walked as it is written there, with its own commands."""

import os
import shlex
import subprocess
import sys
from datetime import date

import pytest
from pydantic import SecretStr
from support.backups import environment
from support.docs import DOCS, Page, page
from support.oauth_rig import free_port, wait_for, wait_until
from support.stack import SERVICE_KEY, running_stack
from support.warehouse import everything

from integrations.contracts import token_fingerprint
from zebbra_pipeline.cli.context import ask_service

GUIDE = page(DOCS / "deployment.md")
TODAY = date(2025, 2, 28)


def drill(folder):
    """Return the commands of the guide's section, at work in *folder*."""
    section = Page(GUIDE.path, GUIDE.section("Backup and restore"))
    lines = [
        line.replace("/backups/", f"{folder}/backups/").replace("/safe/", f"{folder}/safe/")
        for line in section.commands
    ]
    assert all(line.startswith("zebbra ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


@pytest.fixture
def stack(tmp_path):
    with running_stack(tmp_path / "home", today=TODAY) as running:
        running.connect("acme", xero="Acme Trading Inc")
        running.connect("globex", xero="Globex")
        assert running.refresh(acme="xero", globex="xero").failures == {}
        yield running


def spend(stack, workspace):
    """Let a workspace's tokens be refreshed twice, so that no grace covers the first pair."""

    async def refreshed(service):
        for _ in range(2):
            access = await service.access(workspace, "xero")
            await service.access(
                workspace,
                "xero",
                rejected=token_fingerprint(SecretStr(access.access_token.get_secret_value())),
            )

    ask_service(stack.settings, refreshed)


def test_drill_brings_everything_back_and_names_the_connection_that_moved_on(stack, tmp_path):
    backup, restore, serve, connections, refresh, doctor = drill(tmp_path)
    backed_up = stack.zebbra(*backup)
    assert backed_up.returncode == 0, backed_up.stderr
    figures = everything(stack.settings.home / "warehouse.duckdb")
    spend(stack, "acme")

    port = free_port()
    there = {"ZEBBRA_HOME": str(tmp_path / "there"), "ZEBBRA_OAUTH_URL": f"http://localhost:{port}"}
    restored = stack.zebbra(*restore, **there)
    assert restored.returncode == 0, restored.stderr
    assert "2 connections are checked" in restored.stdout
    assert everything(tmp_path / "there" / "published.duckdb") == figures
    with subprocess.Popen(
        [sys.executable, "-m", "zebbra_pipeline", *serve],
        env={**os.environ, **there},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as service:
        try:
            wait_for(there["ZEBBRA_OAUTH_URL"], service.poll)
            with environment(there):
                wait_until(lambda: not any(row.restored_at for row in rows(stack)))
            listed = stack.zebbra(*connections, **there).stdout
            one = stack.zebbra(*connections, "acme", **there).stdout
            fetched = stack.zebbra(*refresh, **there)
            looked = stack.zebbra(*doctor, **there)
        finally:
            service.terminate()

    states = dict(line.split()[:3:2] for line in listed.splitlines()[1:3])
    assert states == {"acme": "requires_reconnect", "globex": "connected"}
    for text in (listed, one, fetched.stdout + fetched.stderr):
        assert "restored from a backup older than its last refresh" in text
        assert "withdrawn" not in text
    assert fetched.returncode == 1  # acme alone has failed
    after = everything(tmp_path / "there" / "published.duckdb")
    batches = [row for row in after["batches"] if "globex" in row]
    assert len(batches) == 2
    assert [row for row in after["data_points"] if "acme" in row] == [
        row for row in figures["data_points"] if "acme" in row
    ]
    assert "send a connect link: zebbra connect acme" in looked.stdout
    assert "others may use" not in looked.stdout
    assert SERVICE_KEY not in looked.stdout


def rows(stack):
    return ask_service(stack.settings, lambda service: service.connections()).connections
