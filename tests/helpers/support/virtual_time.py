"""An event loop whose time passes only while nothing is to do: waiting for a minute takes none."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

import anyio.to_thread

T = TypeVar("T")


class _Skipping(selectors.DefaultSelector):
    """
    Skips the time until the next timer, unless a thread is at work.

    Attributes:
        now_s: What the loop takes for the time.
        threads_work: Whether a thread has still to report to the loop.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.threads_work: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready; nothing once the time has been skipped."""
        if timeout is not None and timeout <= 0:
            return super().select(0)
        # Asked first: a thread that ends after this has reported by the next look.
        if self.threads_work() or timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.now_s = round(self.now_s + timeout, 9)  # or sums of tenths drift apart
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """
    Its time begins at 0 and is exact: computing, threads and databases take none of it.

    Attributes:
        hanging: How many threads hang: the time passes while only so many are at work.
    """

    def __init__(self) -> None:
        self._skipping = _Skipping()
        self._jobs = 0
        self.hanging = 0
        super().__init__(self._skipping)
        self._skipping.threads_work = lambda: self._jobs > self.hanging
        self._threads = ThreadPoolExecutor()
        self.set_default_executor(self._threads)

    def time(self) -> float:
        return self._skipping.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run *func* in a thread, which is at work until it ends, also when nobody waits for it."""
        job = (executor or self._threads).submit(func, *args)
        self._jobs += 1
        waiting = asyncio.wrap_future(job, loop=self)
        # After the line above: the time passes only once its result has been reported.
        job.add_done_callback(lambda _job: self.call_soon_threadsafe(self._job_is_done))
        return waiting

    async def shutdown_default_executor(self, *args: Any) -> None:
        self._jobs += 1
        await super().shutdown_default_executor(*args)

    def watch_worker_threads(self) -> None:
        """Wait for anyio's threads too, those of `run_in_threadpool`. Called in this loop."""
        limiter = anyio.to_thread.current_default_thread_limiter()
        self._skipping.threads_work = lambda: (
            self._jobs > self.hanging or limiter.borrowed_tokens > 0
        )

    def _job_is_done(self) -> None:
        self._jobs -= 1


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* to its end, in a loop of its own."""

    async def watched() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.watch_worker_threads()
        return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(watched())
