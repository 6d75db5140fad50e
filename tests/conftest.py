import signal
import sys

pytest_plugins = [
    f"tests.support.{name}" for name in ("digits", "digits_models", "groups", "scripts", "slow", "trained")
]

# A shell that starts the tests in the background makes them, and so every command that they start, deaf to Ctrl-C;
# some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item):
    """The same first weights whatever ran before: with weights of chance some bounds fail once in many runs."""
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(0)
