"""Deterministic stand-ins for speech models, for tests and load runs. They understand nothing."""
