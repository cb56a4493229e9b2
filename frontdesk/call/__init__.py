"""The live call: the one writer that joins protocol, voice, team, state and tracing."""
