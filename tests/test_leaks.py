"""The run as a whole fails on a secret in the wrong place, names that place, and not the secret."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.leaks import Exemption, Leak, Leaks, kinds_in

from integrations.sandbox_kit.tokens import jwt_head, opaque

HERE = Path(__file__).parent
LEAKING = """
import logging, sqlite3, subprocess, sys
import duckdb, pytest
from integrations.sandbox_kit.tokens import jwt_head, opaque

def test_prints():
    print(opaque("access_token"))

def test_reads_what_it_prints(capsys):
    print(opaque("code"))
    assert "sandbox" in capsys.readouterr().out

def test_logs():
    logging.warning("refused: %s", opaque("refresh_token"))

def test_fails():
    assert jwt_head("access_token") + ".eyJuYmYiOiAxNz" == ""

def test_starts_a_process_that_prints():
    code = "from integrations.sandbox_kit.tokens import opaque; print(opaque('refresh_token'))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

def test_shows_a_token_to_all_users():
    subprocess.run(["true", opaque("code")], check=True)

def test_shows_keys_to_all_users():
    key = "0123456789abcdef"
    environ = {"PATH": "/bin:/usr/bin", "ZEBBRA_ENCRYPTION_KEYS": f"another-key,{key}"}
    subprocess.run(["true", f"--key={key}"], check=True, env=environ)
    subprocess.run(["true", "client-secret-of-the-tests"], check=True)

def test_writes_a_log(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "service.log").write_text("x" * 5_000_000 + opaque("access_token")[:40])

def test_writes_sqlite(tmp_path):
    with sqlite3.connect(tmp_path / "oauth.sqlite") as database:
        database.execute("CREATE TABLE tokens (value)")
        database.execute("INSERT INTO tokens VALUES (?)", [opaque("refresh_token")])
    database.close()

def test_writes_duckdb(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as database:
        database.execute("CREATE TABLE rows AS SELECT {'note': ?} AS content FROM range(5000)",
                         [opaque("code")])
"""
EXPECTED = """
test_inner.py::test_fails: access token in failure
test_inner.py::test_logs: refresh token in captured log call
test_inner.py::test_prints: access token in captured stdout call
test_inner.py::test_reads_what_it_prints: code in captured output
test_inner.py::test_shows_a_token_to_all_users: code in arguments of a process (true)
test_inner.py::test_shows_keys_to_all_users: client secret in arguments of a process (true)
test_inner.py::test_shows_keys_to_all_users: zebbra encryption keys in arguments of a process (true)
test_inner.py::test_starts_a_process_that_prints: refresh token in output of a process
test_writes_a_log0/logs/service.log: access token in file
test_writes_duckdb0/warehouse.duckdb: code in file
test_writes_sqlite0/oauth.sqlite: refresh token in file
"""
CLEAN = """
import subprocess
import pytest
from integrations.sandbox_kit.tokens import opaque

def test_keeps_it_to_itself(tmp_path, capsys):
    assert opaque("access_token") != opaque("access_token")
    (tmp_path / "note").write_text("sandbox_access_token_")
    print("sandbox_code")
    assert subprocess.run(["echo", "x"], check=True, capture_output=True).stdout == b"x\\n"
"""

_BUILD_MACHINE = frozenset({"CI", "BUILD_NUMBER"})


def run_pytest(content: str, *options: str) -> tuple[int, list[str]]:
    """
    Run a test file under the conftest of this folder.

    Returns:
        The exit status and the lines of output. Nothing is left behind: what leaks there on
        purpose, this run would find too.
    """
    with TemporaryDirectory() as folder:
        Path(folder, "conftest.py").write_text((HERE / "conftest.py").read_text())
        Path(folder, "test_inner.py").write_text(content)
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"),
                *(f"--basetemp={folder}/temporary", "-o", f"pythonpath={HERE / 'helpers'}"),
                *options,
            ],
            cwd=folder,
            # On build machines pytest's summary shows a failed assertion whole.
            env={name: value for name, value in os.environ.items() if name not in _BUILD_MACHINE},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return finished.returncode, finished.stdout.splitlines()


@pytest.mark.parametrize(
    "options", [[], ["-n", "2", "-k", "not fails"]], ids=["in one process", "passing, on workers"]
)
def test_run_fails_and_names_each_place_of_a_secret(options: list[str]) -> None:
    status, output = run_pytest(LEAKING, *options)

    title = next(number for number, line in enumerate(output) if "secrets where none" in line)
    found = [line for line in output[title + 1 :] if line.startswith("test_")]
    assert found == [
        line for line in EXPECTED.split("\n")[1:-1] if not (options and "test_fails" in line)
    ]
    assert status == 1
    assert kinds_in("\n".join(output)) == set()


def test_clean_run_passes() -> None:
    status, output = run_pytest(CLEAN)

    assert status == 0, output
    assert "1 passed" in output[-1]


def test_tokens_are_known_whole_and_cut_off() -> None:
    for kind in ("access_token", "refresh_token", "code"):
        assert kinds_in(f"x{opaque(kind)}x") == kinds_in(opaque(kind)[:30]) == {kind}
    assert kinds_in(f'{{"id_token": "{jwt_head("id_token")}.eyJuYmYiOiAxNz"}}') == {"id_token"}
    assert kinds_in(jwt_head("access_token") + " sandbox_access_token_ sandbox_code") == set()


def test_exemption_is_for_its_place_and_kind_alone() -> None:
    exemption = Exemption("*/state.json", "file", frozenset({"code"}), "the provider's own")
    leaks = Leaks(exemptions=(exemption,))
    leaks.note("a/state.json", "file", {"code", "access_token"})
    leaks.note("a/state.json.bak", "file", {"code"})

    assert leaks.found == {
        Leak("a/state.json", "file", "access_token"),
        Leak("a/state.json.bak", "file", "code"),
    }
