"""One run at a time pulls a workspace: who else asks for it is told so at once."""

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


def test_a_workspace_is_held_by_one_at_a_time_and_another_workspace_is_free(tmp_path):
    mine = warehouse_in(tmp_path).locks.workspace("acme")
    second, other = (
        warehouse_in(tmp_path).locks.workspace("acme"),
        warehouse_in(tmp_path).locks.workspace("globex"),
    )

    assert (mine is None, second is None, other is None) == (False, True, False)
    mine.close()
    assert warehouse_in(tmp_path).locks.workspace("acme") is not None


def test_a_process_that_is_killed_holds_nothing_any_longer(tmp_path):
    with process(HOLD, tmp_path, "acme") as other:
        before = warehouse_in(tmp_path).locks.workspace("acme")
        other.send_signal(signal.SIGKILL)
        other.wait()

        assert before is None
        assert warehouse_in(tmp_path).locks.workspace("acme") is not None


def test_writing_needs_no_hold_and_holding_no_turn_to_write(tmp_path):
    hold = warehouse_in(tmp_path).locks.workspace("acme")
    with warehouse_in(tmp_path).write("a merge"):
        assert hold is not None
        assert warehouse_in(tmp_path).locks.workspace("globex") is not None


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files")
def test_locks_lie_beside_the_warehouse_for_its_owner_alone(tmp_path):
    warehouse_in(tmp_path).locks.workspace("acme")
    (folder,) = Path(tmp_path).glob("*.pulls")

    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir()] == ["acme.lock"]


def test_a_malformed_id_names_no_file(tmp_path):
    with pytest.raises(ValueError, match="expected 1 to 64 letters"):
        warehouse_in(tmp_path).locks.workspace("../acme")
