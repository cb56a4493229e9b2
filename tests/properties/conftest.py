"""Hypothesis runs the same examples every time, and no example fails for being slow."""

from hypothesis import settings

settings.register_profile("frontdesk", derandomize=True, deadline=None, database=None)
settings.load_profile("frontdesk")
