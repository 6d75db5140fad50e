"""What one image may take of memory and work: far more than any classifier needs, and less than does harm."""

from cnnedge.errors import ModelError

# Activations that are alive at one time, with what a kernel copies to work on them. ResNet-50 takes 20 MB at 224 x 224,
# EfficientNet-B7 at its 600 x 600 150 MB.
MAX_MEMORY_BYTES = 2**28
# Multiplications of one operator: ResNet-50 needs 0.1 billion for its largest and EfficientNet-B7 1 billion; kernels
# without vector instructions do 0.3 to 1 billion a second.
MAX_WORK = 4 * 10**9


def check_memory(operator: str, size: int) -> None:
    """Refuse an operator that takes more memory than ``MAX_MEMORY_BYTES``.

    Raises:
        ModelError: it does.
    """
    if size > MAX_MEMORY_BYTES:
        raise ModelError(f"{operator[:60]} needs {_short(size)} bytes of memory, expected at most {MAX_MEMORY_BYTES:,}")


def check_work(operator: str, work: int) -> None:
    """Refuse an operator that multiplies more than ``MAX_WORK`` times for one image.

    Raises:
        ModelError: it does.
    """
    if work > MAX_WORK:
        raise ModelError(f"{operator[:60]} takes {_short(work)} multiplications, expected at most {MAX_WORK:,}")


def _short(number: int) -> str:
    """Sizes of a hostile file can have thousands of digits."""
    return f"{number:,}" if number < 10**18 else "over 10**18"
