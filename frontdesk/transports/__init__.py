"""Bytes and frames only: how a client reaches a call."""
