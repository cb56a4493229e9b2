"""A team file with thirty mistakes in it: thirty findings, each on a line that `# !` marks."""

import re
from pathlib import Path

from typer.testing import CliRunner

from frontdesk.cli import app

TEAM = """\
version: 2 # !
name: My Shop # !
include: [common/line.yaml] # !
entry: helo # !
greeting: Hello # !
models:
  main: { provider: opnai } # !
  Fast: { provider: auto } # !
  local: { provider: auto, temperature: 9 } # !
voice:
  tts: { speed: quick } # !
  turn_detection: { type: server_vda } # !
lines:
  sory: Sorry! # !
mcp:
  orders: { timeout: soon } # !
  billing: {} # !
tools:
  estimate: { call: "tools.shiping:estimate" } # !
  quote: { call: "tools.shipping:qoute" } # !
  track: { call: tools.shipping.track } # !
  price: { call: "tools.shipping:estimate", answer: "{{ reslt }}" } # !
variables:
  city: ${env:TOWN} # !
  secret: "${file:none.txt}" # !
agents:
  hello:
    description: Greets.
    instructions: prompts/hello.md
    model: man # !
    tools: [estimate, quote, track, price, prise] # !
    mcp: [orders, billing, order] # !
    handoffs: [hello, orders] # !
    handofs: [] # !
  orders: # !
    instructions: prompts/orders.md
    handoffs: [{ to: shiping }] # !
    examples: five # !
  shipping: # !
    instructions: prompts/shiping.md # !
  billing:
    description: Bills.
    instructions: prompts/billing.md
    entry: yes # !
"""
HELLO = "You greet in {{ twon }}.\n"
BILLING = "You bill for {{ team.nme }}.\n"
SERVERS = """\
{
  "mcpServers": {
    "orders": {
      "type": "sse",
      "url": "http://127.0.0.1:1/mcp"
    },
    "x": { "url": "${env:NO_SUCH}" }
  }
}
"""


def findings(text: str) -> list[tuple[str, int, int, str]]:
    lines = (re.fullmatch(r"(.+?):(\d+):(\d+): (.+)", line) for line in text.splitlines())
    return [(Path(m[1]).name, int(m[2]), int(m[3]), m[4]) for m in lines if m]


def test_every_planted_mistake_is_found_on_its_line_in_one_run(desk):
    planted = [number for number, line in enumerate(TEAM.splitlines(), 1) if "# !" in line]
    desk.team(TEAM)
    desk.write("agents/common/lines.yaml", "lines: {}\n")
    desk.write("agents/prompts/hello.md", HELLO)
    desk.write("agents/prompts/orders.md", "You {% if %} order.\n")
    desk.write("agents/prompts/shipping.md", "You ship.\n")
    desk.write("agents/prompts/billing.md", BILLING)
    desk.write("mcp_servers/mcp.json", SERVERS)
    desk.write("tools/shipping.py", "async def estimate(): ...\nasync def quote(): ...\n")
    result = CliRunner().invoke(app, ["check", str(desk.root)])
    found = findings(result.stdout)
    errors = [f for f in found if not f[3].startswith("warning: ")]
    in_team = [line for file, line, _, _ in errors if file == "shop.yaml"]
    elsewhere = [(file, line) for file, line, _, _ in errors if file != "shop.yaml"]
    assert result.exit_code == 1
    assert in_team == planted
    assert elsewhere == [
        ("billing.md", 1),
        ("hello.md", 1),
        ("orders.md", 1),
        ("mcp.json", 4),
        ("mcp.json", 7),
    ]
    assert len(planted) == 30
    assert "35 errors in" in result.stderr
