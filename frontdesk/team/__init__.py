"""Runs a user turn on the team: SDK agents, handoffs, tools, model providers."""
