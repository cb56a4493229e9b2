"""Says things: questions, results of tools, small talk."""
