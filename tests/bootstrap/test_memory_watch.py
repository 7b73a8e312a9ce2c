"""The service is asked to stop once when its memory is used up, by whatever shows it first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from depot_sim.application.memory import MemoryBudget, Room
from depot_sim.bootstrap.memory_watch import MemoryWatch

MB = 10**6
ENOUGH = 500 * MB


class _Memory:
    def __init__(self) -> None:
        self.left = ENOUGH

    def room(self) -> Room:
        return Room("physical memory", 1_000 * MB, self.left)


def asked_to_stop(act: Callable[[_Memory], Awaitable[None]]) -> list[str]:
    """Why and how often a watched service is asked to stop."""

    async def watched() -> list[str]:
        memory, asked, stopped = _Memory(), list[str](), asyncio.Event()

        def stop() -> None:
            assert watch.gone is not None
            asked.append(watch.gone.detail)
            stopped.set()

        watch = MemoryWatch(MemoryBudget(memory), stop)
        with watch.installed():
            watching = asyncio.create_task(watch.run())
            await act(memory)
            await stopped.wait()
            await watching
        return asked

    return asyncio.run(watched())


async def memory_falls(memory: _Memory) -> None:
    memory.left = MB


async def a_task_fails(_: _Memory) -> None:
    context = {"message": "the task has failed", "exception": MemoryError()}
    asyncio.get_running_loop().call_exception_handler(context)
    asyncio.get_running_loop().call_exception_handler(context)


async def a_thread_fails(_: _Memory) -> None:
    def work() -> None:
        raise MemoryError

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("act", [memory_falls, a_task_fails, a_thread_fails], ids=lambda act: act.__name__)
def test_the_service_is_asked_to_stop_once(act: Callable[[_Memory], Awaitable[None]]) -> None:
    (reason,) = asked_to_stop(act)

    assert "below the limit of 1,000 MB (physical memory)" in reason


def test_hooks_are_put_back() -> None:
    before = threading.excepthook

    asked_to_stop(memory_falls)

    assert threading.excepthook is before
