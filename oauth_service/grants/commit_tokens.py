"""
Commits a new token pair, with retries while the database is unavailable.

The provider has invalidated the previous pair, so the new one exists only in memory until it is
stored. The log reports this.
"""

import asyncio
import logging
from collections.abc import Callable
from itertools import count

from starlette.concurrency import run_in_threadpool

from oauth_service.grants.lease import RefreshPolicy

_log = logging.getLogger(__name__)


async def store_new_pair(store: Callable[[], bool], *, name: str, policy: RefreshPolicy) -> bool:
    """
    Call *store* in a thread until it succeeds or has failed for `commit_s`; return its result.

    Args:
        store: Stores the pair in one transaction; it must be safe to call again after a failure.
        name: Name of the connection in the log.
        policy: How long and how often to try.

    Raises:
        Exception: The error of the last call. The pair is lost then.
    """
    began_s = asyncio.get_running_loop().time()
    try:
        return await _until_stored(store, name, policy, began_s)
    except asyncio.CancelledError:  # the process is shutting down
        _log.error("%s: ended before new tokens were known to be stored: they may be lost", name)
        raise


async def _until_stored(
    store: Callable[[], bool], name: str, policy: RefreshPolicy, began_s: float
) -> bool:
    for attempt in count(1):
        try:
            answer = await run_in_threadpool(store)
        except Exception as exc:
            tried_s = asyncio.get_running_loop().time() - began_s
            if tried_s >= policy.commit_s:
                _log.error("%s: new tokens are lost: not stored within %d s", name, tried_s)
                raise
            if attempt == 1:
                _log.exception(
                    "%s: new tokens not stored: they are in memory only; tried again for %d s",
                    name,
                    policy.commit_s,
                )
            else:
                _log.error(
                    "%s: new tokens in memory only for %d s (%s)",
                    name,
                    tried_s,
                    type(exc).__name__,
                )
            await asyncio.sleep(policy.pause_s(attempt))
        else:
            break
    if attempt > 1:
        _log.warning("%s: new tokens stored at attempt %d", name, attempt)
    return answer
