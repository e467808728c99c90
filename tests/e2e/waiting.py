"""Waiting for what comes about by itself."""
import time


def until(condition, seconds=60):
    """The first true value of the condition, or its last one when it does not come true in time."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return value
