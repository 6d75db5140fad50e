import signal

pytest_plugins = [f"tests.support.{name}" for name in ("digits", "digits_models", "scripts", "slow", "trained")]

# A shell that starts the tests in the background makes them, and so every command that they start, deaf to Ctrl-C;
# some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
