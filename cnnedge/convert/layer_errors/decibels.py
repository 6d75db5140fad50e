"""Signal and noise as powers and in decibels."""

import math

import numpy as np


def power(values: np.ndarray) -> float:
    """The sum of squares, in float64."""
    return float(np.sum(np.square(values, dtype="float64")))


def sqnr_db(signal: float, noise: float) -> float | None:
    """10 log10(signal / noise) of two powers, in dB; None without noise.

    A signal of nothing but zeros counts as the smallest positive number, so that the ratio stays finite.
    """
    return 10 * math.log10(max(signal, float(np.finfo("float64").tiny)) / noise) if noise > 0 else None


def or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
