"""How long work reports where it stands: a function ``progress(stage, done, total)``.

``stage`` is a short phrase a person reads ("train epoch", "evaluate mnist_int8.tflite"), ``done`` and ``total``
count units of work; ``total`` is 0 while it is unknown. Lower floors only call it; the command line draws it.
"""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing: the default for library use."""
