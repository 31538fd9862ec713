"""`BoundClient`: an answer that does not come in time is told apart from other faults."""

import threading

import pytest
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import OutboundRequest, ProviderUnavailableError, TooSlowError
from integrations.runtime.http import HttpSession

OK = Reply(200, {"ok": 1})
GATEWAY = Reply(504, "<html>gateway")


async def test_lasting_504_is_too_slow_after_as_many_tries_as_any_fault():
    async with a_rig() as rig:
        rig.server.answer("/r", GATEWAY)
        with pytest.raises(TooSlowError) as caught:
            await rig.client.get("r")

    assert str(caught.value) == "Ledgerly: GET r: the provider is down or faulty (504)"
    assert rig.client.calls == 4


async def test_adapter_that_can_ask_for_less_hears_of_it_after_the_tries_it_named():
    async with a_rig() as rig:
        rig.server.answer("/r", GATEWAY)
        with pytest.raises(TooSlowError):
            await rig.client.get("r", slow_tries=2)

    assert rig.client.calls == 2
    assert rig.timing.slept == [0.5]


async def test_other_faults_do_not_use_up_the_tries_for_slow_answers():
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(500, b""), Reply(503, b""), GATEWAY, OK)
        answer = await rig.client.get("r", slow_tries=2)

    assert answer.payload == {"ok": 1}
    assert rig.client.calls == 4


async def test_other_lasting_faults_are_not_called_slow():
    async with a_rig() as rig:
        rig.server.answer("/r", Reply(503, b""))
        with pytest.raises(ProviderUnavailableError) as caught:
            await rig.client.get("r", slow_tries=2)

    assert not isinstance(caught.value, TooSlowError)
    assert rig.client.calls == 4


async def test_our_own_timeout_is_too_slow():
    held = threading.Event()
    async with a_rig() as rig:
        rig.server.answer("/slow", Reply(200, {}, hold=held))
        request = OutboundRequest(method="GET", url=f"{rig.server.url}/slow")
        async with HttpSession() as session:
            with pytest.raises(TooSlowError, match="no answer in time"):
                await session.send(request, timeout_s=0.05)
        held.set()
