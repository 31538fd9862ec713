import os
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from support.warehouse import JAN, values_of, warehouse_in
from support.warehouse_processes import HOLD, LAND, OPEN_FILE, go_on, process

from zebbra_pipeline.warehouse import WarehouseBusyError
from zebbra_pipeline.warehouse.deadline import Deadline
from zebbra_pipeline.warehouse.file_locks import WriterQueue


def fixed_clock():
    return datetime(2026, 6, 15, 6, tzinfo=UTC)


def tickets(folder):
    return [path for path in (folder / "w.queue").iterdir() if path.suffix == ".lock"]


def test_writers_get_the_lock_in_the_order_of_arrival(tmp_path):
    served = []
    threads = []

    def wait_and_serve(number, drawn):
        def clock():
            drawn.set()
            return fixed_clock()

        queue = WriterQueue(tmp_path / "w", clock=clock)
        with queue.lock(f"number {number}", Deadline(30)):
            served.append(number)

    with WriterQueue(tmp_path / "w", clock=fixed_clock).lock("first", Deadline(30)):
        for number in range(6):
            drawn = Event()
            threads.append(Thread(target=wait_and_serve, args=(number, drawn)))
            threads[-1].start()
            assert drawn.wait(30)
        waiting = len(tickets(tmp_path))
        assert served == []
    for thread in threads:
        thread.join(30)

    assert waiting == 7
    assert served == [0, 1, 2, 3, 4, 5]
    assert [path.name for path in (tmp_path / "w.queue").iterdir()] == ["door"]


def test_a_writer_that_waits_too_long_gets_the_name_of_the_lock_holder(tmp_path):
    with (
        process(HOLD, tmp_path, "land Xero for acme") as holder,
        pytest.raises(WarehouseBusyError) as caught,
        warehouse_in(tmp_path, lock_timeout_s=0.1).write("land Gusto for bravo"),
    ):
        pass

    found = caught.value.holder
    assert found is not None
    assert (found.pid, found.purpose) == (holder.pid, "land Xero for acme")
    assert datetime.fromisoformat(found.since).tzinfo is not None
    text = str(caught.value)
    assert f"pid {holder.pid}" in text
    assert "(land Xero for acme)" in text
    assert "(land Gusto for bravo)" in text
    assert "warehouse.duckdb" in text


def test_a_writer_that_gave_up_does_not_block_others(tmp_path):
    queue = WriterQueue(tmp_path / "w", clock=fixed_clock)
    with queue.lock("first", Deadline(5)):
        with pytest.raises(WarehouseBusyError), queue.lock("second", Deadline(0.05)):
            pass
        assert len(tickets(tmp_path)) == 1
    with queue.lock("third", Deadline(0.5)):
        assert len(tickets(tmp_path)) == 1


def test_a_nested_write_gives_up_and_names_this_process(tmp_path):
    warehouse = warehouse_in(tmp_path, lock_timeout_s=0.1)
    with (
        warehouse.write("outer"),
        pytest.raises(WarehouseBusyError, match=f"pid {os.getpid()} .*outer"),
        warehouse.write("inner"),
    ):
        pass


def test_tickets_of_killed_processes_are_skipped(tmp_path):
    with process(HOLD, tmp_path, "doomed") as holder:
        holder.kill()
        holder.wait()
        with warehouse_in(tmp_path, lock_timeout_s=5).write("next") as session:
            assert session.workspaces() == []
    left = sorted(path.name for path in (tmp_path / "warehouse.duckdb.queue").iterdir())

    assert left == ["door"]


def test_a_lock_can_be_released_in_another_thread_than_it_was_taken_in(tmp_path):
    queue = WriterQueue(tmp_path / "w", clock=fixed_clock)
    stack = ExitStack()
    thread = Thread(target=lambda: stack.enter_context(queue.lock("there", Deadline(5))))
    thread.start()
    thread.join()
    stack.close()

    with queue.lock("here", Deadline(0.5)):
        assert len(tickets(tmp_path)) == 1


def test_processes_that_land_different_workspaces_at_once_all_succeed(tmp_path):
    names = ("acme", "bravo")
    with ExitStack() as stack:
        children = [stack.enter_context(process(LAND, tmp_path, name, 8)) for name in names]
        for child in children:
            go_on(child)
        codes = [child.wait(60) for child in children]

    assert codes == [0, 0]
    with warehouse_in(tmp_path).write("look") as session:
        assert [(w.workspace_id, w.batches) for w in session.workspaces()] == [
            ("acme", 8),
            ("bravo", 8),
        ]
        assert [len(session.restatements(name)) for name in names] == [7, 7]
    for name in names:
        assert values_of(tmp_path / "warehouse.duckdb", "Sales", name) == {JAN: 7}


def test_a_program_that_has_the_file_open_is_named_when_we_give_up(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with (
        process(OPEN_FILE, path) as other,
        pytest.raises(WarehouseBusyError, match="another program has it open") as caught,
        warehouse_in(tmp_path, lock_timeout_s=0.1).write("test"),
    ):
        pass

    assert str(path) in str(caught.value)
    assert str(other.pid) in str(caught.value)
    assert "published copy" in str(caught.value)


def test_a_writer_waits_for_a_program_that_closes_the_file_in_time(tmp_path):
    with process(OPEN_FILE, tmp_path / "warehouse.duckdb") as other:
        Thread(target=go_on, args=(other,)).start()
        with warehouse_in(tmp_path, lock_timeout_s=30).write("test") as session:
            assert session.workspaces() == []
