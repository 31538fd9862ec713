"""`zebbra demo` and `zebbra dev` as a new user meets them."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.request import urlopen

import duckdb
import pytest
from cryptography.fernet import Fernet
from support.process_arguments import processes_of, secrets_in_arguments, watched_arguments

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "zebbra_pipeline"]


def environment(home: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ZEBBRA_", "XERO_", "GUSTO_")) and "BYTECODE" not in key
    }
    return kept | {"ZEBBRA_HOME": str(home)}


def demo(home: Path) -> str:
    run = subprocess.run(
        [*COMMAND, "demo"],
        env=environment(home),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert processes_of(home) == []
    return run.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.mark.every_python
@pytest.mark.timeout(300)
def test_the_demo_walks_the_whole_path_twice_and_leaves_nothing_running(home):
    with watched_arguments(home) as seen:
        first = demo(home)
    second = demo(home)

    for output in (first, second):
        assert "acme has connected xero: Acme Trading Inc" in output
        assert "2 of 2 workspaces refreshed in 2 Dagster runs" in output
        assert re.search(r"Income / Sales +provisional( +[\d,]+\.\d\d)+\*", output)
        assert "nearest: 'Repairs & Maintenance'" in output
        assert "What to try next" in output
    assert "Dec" in first
    assert "3 calls" in second  # a routine refresh
    with duckdb.connect(str(home / "published.duckdb"), read_only=True) as connection:
        landed = connection.execute(
            "SELECT workspace_id, integration, count(*) FROM batches GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        merged = connection.execute("SELECT workspace_id, rows_resolved FROM models ORDER BY 1")
        assert merged.fetchall() == [("acme", 10), ("globex", 4)]
    assert landed == [("acme", "Gusto", 4), ("acme", "Xero", 2), ("globex", "Xero", 2)]
    for part in ("zebbra_pipeline demo", "zebbra_pipeline sandbox", "-m oauth_service"):
        assert any(part in line for line in seen), part
    assert secrets_in_arguments(seen, home) == set()


def test_secrets_in_the_arguments_of_a_process_are_found(tmp_path):
    key, link = Fernet.generate_key().decode(), Fernet(Fernet.generate_key()).encrypt(b"").decode()
    (tmp_path / "service.key").write_text("of-this-test\n")
    (tmp_path / "encryption.keys").write_text(f"another\n{key}\n")

    for argument, kinds in (
        ("of-this-test", {"service.key"}),
        (key, {"encryption.keys"}),
        (f"http://localhost/connect?session={link}", {"link or cookie"}),
        ("--port 8765", set()),
    ):
        assert secrets_in_arguments({f"python -m oauth_service {argument}"}, tmp_path) == kinds


def test_a_taken_port_is_replaced_and_named(tmp_path):
    from zebbra_pipeline.cli.processes import free_port

    said = []
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        chosen = free_port(taken, tell=said.append, what="the sandbox")

    assert chosen > taken
    assert said == [f"port {taken} is taken; the sandbox uses {chosen}"]


def test_two_services_that_find_their_ports_taken_do_not_choose_the_same():
    from zebbra_pipeline.cli.processes import free_port

    first = free_port(28765, tell=lambda _line: None, what="the sandbox")
    second = free_port(first, tell=lambda _line: None, what="the OAuth service", but={first})

    assert second > first


@pytest.fixture
def usual_ports_taken():
    """Ports on which something listens, as Dagster's UI of another project does."""
    with ExitStack() as exits:
        for port in (3000, 8765):
            other = exits.enter_context(closing(socket.socket()))
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):  # something listens there already
                other.bind(("127.0.0.1", port))
                other.listen()
        yield


@pytest.mark.usefixtures("usual_ports_taken")
@pytest.mark.timeout(240)
def test_dev_runs_everything_until_interrupted(home):
    started = subprocess.Popen(
        [*COMMAND, "dev"],
        env=environment(home) | {"PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    try:
        for line in started.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        output = "".join(lines)
        assert "port 3000 is taken; the Dagster UI uses " in output
        assert "port 8765 is taken; the OAuth service uses " in output
        ui = re.search(r"Dagster UI +(http\S+)", output)[1]
        service = re.search(r"OAuth service +(http\S+)", output)[1]
        with urlopen(f"{ui}/server_info", timeout=60) as answer:
            assert answer.status == 200
        with urlopen(f"{service}/healthz", timeout=60) as answer:
            assert answer.status == 200
        assert len(processes_of(home)) >= 4
        # Another terminal, with no settings of its own, reaches the same services.
        with watched_arguments(home) as seen:
            run = subprocess.run(
                [*COMMAND, "refresh", "globex"],
                env=environment(home),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
        assert run.returncode == 0, run.stdout + run.stderr
        assert "Globex GmbH (sandbox), 3 calls" in run.stdout
    finally:
        started.send_signal(signal.SIGINT)
        rest = started.communicate(timeout=90)[0]

    assert "stopping" in rest
    assert not (home / "running.env").exists()
    assert started.returncode == 0
    assert processes_of(home) == []
    assert any("dagster" in line for line in seen)
    assert secrets_in_arguments(seen, home) == set()


def run_python(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(home) | {"DAGSTER_HOME": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.every_python
def test_workspace_yaml_loads_in_dagster(tmp_path):
    run = run_python(
        "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml", home=tmp_path
    )

    assert run.returncode == 0, run.stderr
    assert "Validation successful for code location zebbra" in run.stdout + run.stderr


@pytest.mark.every_python
def test_definitions_load_offline_without_a_warning(tmp_path):
    forbid = "import socket; socket.socket.connect = None; import zebbra_pipeline.definitions"
    run = run_python("-W", "error", "-c", forbid, home=tmp_path)

    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []
