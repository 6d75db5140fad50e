"""Measuring exported files: how right they are, how fast, how large, and how sure one may be of each
figure."""
