"""Work in threads whose results come in the order of the items, never far ahead of whoever takes them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cnnedge.machine.hardware import cores

# Each holds a whole picture while it decodes it: some 60 MB for a phone's.
MOST_THREADS = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int) -> Iterator[Result]:
    """``function`` of every item, computed by a thread for each core (at most 8), at most ``ahead`` items before they
    are taken."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(min(cores(), MOST_THREADS)) as threads:
        try:
            for item in items:
                waiting.append(threads.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
