"""Checks of what comes in and goes out."""
