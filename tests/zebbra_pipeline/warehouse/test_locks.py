"""Workspace locks: one run at a time, and a second one is refused at once."""

import signal
import sys
from pathlib import Path

import pytest
from support.warehouse import warehouse_in
from support.warehouse_processes import process

HOLD = """
import sys
from pathlib import Path
from support.warehouse import warehouse_in
hold = warehouse_in(Path(sys.argv[1])).locks.workspace(sys.argv[2])
print("ready" if hold else "taken", flush=True)
sys.stdin.readline()
"""


def test_a_workspace_is_locked_by_one_run_at_a_time_and_another_workspace_is_free(tmp_path):
    mine = warehouse_in(tmp_path).locks.workspace("acme")
    second, other = (
        warehouse_in(tmp_path).locks.workspace("acme"),
        warehouse_in(tmp_path).locks.workspace("globex"),
    )

    assert (mine is None, second is None, other is None) == (False, True, False)
    mine.close()
    assert warehouse_in(tmp_path).locks.workspace("acme") is not None


def test_a_killed_process_releases_its_locks(tmp_path):
    with process(HOLD, tmp_path, "acme") as other:
        before = warehouse_in(tmp_path).locks.workspace("acme")
        other.send_signal(signal.SIGKILL)
        other.wait()

        assert before is None
        assert warehouse_in(tmp_path).locks.workspace("acme") is not None


def test_writing_needs_no_workspace_lock_and_locking_a_workspace_no_write_lock(tmp_path):
    hold = warehouse_in(tmp_path).locks.workspace("acme")
    with warehouse_in(tmp_path).write("a merge"):
        assert hold is not None
        assert warehouse_in(tmp_path).locks.workspace("globex") is not None


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files")
def test_lock_files_are_next_to_the_warehouse_and_private_to_its_owner(tmp_path):
    warehouse_in(tmp_path).locks.workspace("acme")
    (folder,) = Path(tmp_path).glob("*.pulls")

    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir()] == ["acme.lock"]


def test_a_malformed_workspace_id_creates_no_file(tmp_path):
    with pytest.raises(ValueError, match="expected 1 to 64 letters"):
        warehouse_in(tmp_path).locks.workspace("../acme")
