"""The "client" that the conformance suite starts, once for each scenario: it asks the test, which
has ours loaded already, to play the scenario, and ends with that. Standard library only, as it is
started 39 times."""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    wish = {
        "url": sys.argv[2],
        "scenario": os.environ["MCP_CONFORMANCE_SCENARIO"],
        "context": json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}")),
    }
    line.sendall(json.dumps(wish).encode() + b"\n")
    line.recv(1)
