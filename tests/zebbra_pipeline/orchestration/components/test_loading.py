"""Dagster loads the definitions quietly, with little to import, and without asking anybody."""

import os
import subprocess
import sys

ONLY_FOR_RUNS = {
    "authlib",
    "cryptography",
    "duckdb",
    "fastapi",
    "http.cookiejar",
    "httpx",
    "integrations.runtime.http",
    "oauth_service",
    "rich",
    "starlette",
    "typer",
    "uvicorn",
    "zebbra_pipeline.ingest.run",
    "zebbra_pipeline.merge.workspaces",
    "zebbra_pipeline.warehouse.store",
}
NOBODY_IS_ASKED = """
import socket

def refused(*arguments):
    raise AssertionError(f"loading asks the network: {arguments[1:]}")

socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refused
socket.getaddrinfo = socket.gethostbyname = lambda *arguments: refused(None, *arguments)
"""


def python(tmp_path, code, *options):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZEBBRA_")}
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=tmp_path,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "", "ZEBBRA_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_definitions_load_without_a_warning_a_network_call_or_a_file(tmp_path):
    code = f"{NOBODY_IS_ASKED}\nfrom zebbra_pipeline.definitions import defs\n"
    code += "defs.get_repository_def().load_all_definitions()\nprint(len(defs.sensors))"

    loaded = python(tmp_path, code, "-W", "error")

    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert int(loaded.stdout) >= 3
    assert list(tmp_path.iterdir()) == []


def test_a_guard_against_the_network_would_notice(tmp_path):
    code = f"{NOBODY_IS_ASKED}\nimport urllib.request\nurllib.request.urlopen('http://localhost:9')"

    assert "loading asks the network" in python(tmp_path, code).stderr


def test_what_only_a_run_needs_is_not_imported(tmp_path):
    code = "import dagster, sys; before = set(sys.modules); import zebbra_pipeline.definitions; "
    code += "print(*(set(sys.modules) - before))"

    imported = set(python(tmp_path, code).stdout.split())

    assert "zebbra_pipeline.orchestration.building" in imported
    assert imported & ONLY_FOR_RUNS == set()


def test_loading_leaves_the_garbage_collector_as_it_was(tmp_path):
    code = "import gc; {}; import zebbra_pipeline.definitions; print(gc.isenabled())"

    assert python(tmp_path, code.format("gc.enable()")).stdout == "True\n"
    assert python(tmp_path, code.format("gc.disable()")).stdout == "False\n"
