"""Which process executes a run, and whether it still exists."""

import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from zebbra_pipeline.orchestration import run_process
from zebbra_pipeline.orchestration.run_process import RunProcess, exists, start_of, this_process


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def record_of(child):
    return replace(this_process(), pid=child.pid, started=start_of(child.pid))


def test_this_process_exists_and_is_named_by_pid_and_host():
    process = this_process()

    assert exists(process) is True
    assert process.started.isdigit()
    assert process.name == f"pid {os.getpid()} on {socket.gethostname()}"


def test_a_process_that_ended_is_gone_before_its_parent_notices_and_after(child):
    process = record_of(child)
    assert exists(process) is True

    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert exists(process) is False
    child.wait()
    assert exists(process) is False


def test_a_reused_pid_is_another_process(child):
    assert exists(replace(record_of(child), started="1")) is False


@pytest.mark.parametrize("table", ["", "8a0e0f0c-another-boot pid:[4026531836]"])
def test_a_process_elsewhere_is_not_judged_by_this_process_table(child, table):
    child.kill()
    child.wait()

    assert exists(replace(this_process(), table=table)) is None
    assert exists(RunProcess(table, "elsewhere", child.pid, "1", 0.0)) is None


@pytest.mark.parametrize("pid", [2**22 + 1, 2**70])
def test_a_pid_that_cannot_be_is_gone(pid):
    assert exists(replace(this_process(), pid=pid)) is False


def test_without_proc_ps_says_the_same(child, tmp_path, monkeypatch):
    monkeypatch.setattr(run_process, "_PROC", tmp_path)
    process = record_of(child)

    assert len(process.started.split()) == 5  # such as Tue Nov 24 22:00:00 2026
    assert exists(process) is True
    assert exists(replace(process, started="Thu Jan 1 00:00:00 1970")) is False
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert exists(process) is False


@pytest.mark.process
def test_where_nothing_tells_when_it_started_a_process_that_exists_is_the_same(
    tmp_path, monkeypatch
):
    process = this_process()
    monkeypatch.setattr(run_process, "_PROC", tmp_path)
    monkeypatch.setenv("PATH", "")

    assert start_of(os.getpid()) == ""
    assert exists(process) is True


def test_a_program_with_a_confusing_name_is_read_right(tmp_path):
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as sleeping:
        found = start_of(sleeping.pid)
        sleeping.kill()

    assert found is not None
    assert found.isdigit()


def test_records_survive_storage_and_anything_else_is_none():
    process = this_process()

    assert RunProcess.from_json(process.to_json()) == process
    for text in ("", "null", "[]", "{}", '{"pid": 1}', "not json"):
        assert RunProcess.from_json(text) is None
