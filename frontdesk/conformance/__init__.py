"""A conformance suite for Realtime servers, anybody's: what a strict client sees from outside.

It knows nothing of our server. Scenarios (``areas/``) talk to the server over the socket and judge
the protocol, never the wit; rules (``rules/``) read every event of every scenario.
"""
