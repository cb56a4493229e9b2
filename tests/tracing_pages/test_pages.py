import posixpath
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import httpx2

from frontdesk.tracing.pages import Unreadable


class Inert(HTMLParser):
    """Collects what could run in a page: scripts, handlers, styles, odd addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.suspicious: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))
        for name, value in attrs:
            odd = (value or "").strip().lower().startswith(("javascript:", "data:", "http"))
            if name.startswith("on") or name == "style" or odd:
                self.suspicious.append((tag, name, value))


def parsed(html: str) -> Inert:
    parser = Inert()
    parser.feed(html)
    return parser


async def test_the_root_leads_to_the_talk_page(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/talk")


async def test_the_list_shows_each_call_with_its_facts_without_javascript(
    client: httpx2.AsyncClient, sample: SimpleNamespace
) -> None:
    html = (await client.get("/traces")).text
    assert html.count("data-call=") == 6
    assert sample.FIRST in html
    assert "find_order" in html
    assert "800 ms" in html
    assert "1 error" in html
    assert "2,060" in html


async def test_filters_reach_the_data_and_stay_in_the_form(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/traces", params={"agent": "billing", "q": "chair"})).text
    assert re.findall(r'data-call="(\w+)"', html) == ["sess_older1"]
    assert '<option value="billing" selected>' in html
    assert 'value="chair"' in html
    errors = (await client.get("/traces", params={"errors": "1"})).text
    assert errors.count("data-call=") == 1


async def test_a_filter_that_matches_nothing_says_so(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/traces", params={"q": "zebra"})).text
    assert "No call matches" in html


async def test_calls_that_run_stand_on_top(client: httpx2.AsyncClient, data: Any) -> None:
    data.summaries[3] = {**data.summaries[3], "live": True}
    html = (await client.get("/traces")).text
    assert re.findall(r'data-call="(\w+)"', html)[0] == data.summaries[3]["call_id"]


async def test_a_full_page_links_to_older_calls_with_the_filters_kept(
    client: httpx2.AsyncClient, data: Any
) -> None:
    data.summaries = [
        {**data.summaries[1], "call_id": f"sess_{number}", "started": 1000.0 - number}
        for number in range(60)
    ]
    html = (await client.get("/traces", params={"agent": "frontdesk"})).text
    older = re.search(r'href="(\?[^"]*before=[^"]*)">Older', html)
    assert older is not None
    link = older.group(1).replace("&amp;", "&")
    rest = (await client.get("/traces" + link)).text
    assert "agent=frontdesk" in link
    assert re.findall(r'data-call="(\w+)"', rest) == [f"sess_{n}" for n in range(50, 60)]


async def test_a_call_reads_without_javascript(
    client: httpx2.AsyncClient, sample: SimpleNamespace
) -> None:
    html = (await client.get(f"/traces/calls/{sample.CALL}")).text
    assert "interrupted, heard 2.1 of 4.4 s" in html
    assert "It comes on Tuesday between nine and one." in html
    assert f'href="?trace={sample.TURNS[1]}#turn"' in html


async def test_a_turn_and_a_span_open_by_address(
    client: httpx2.AsyncClient, sample: SimpleNamespace, data: Any
) -> None:
    tool = next(s for s in data.traces[sample.TURNS[1]] if "execute_tool" in s["name"])
    html = (
        await client.get(
            f"/traces/calls/{sample.CALL}",
            params={"trace": sample.TURNS[1], "span": tool["span_id"]},
        )
    ).text
    assert html.count("data-span=") == len(data.traces[sample.TURNS[1]])
    assert "<h4>Arguments</h4>" in html
    assert "&#34;number&#34;: &#34;48271&#34;" in html


async def test_parts_of_a_call_come_without_the_page_around(
    client: httpx2.AsyncClient, sample: SimpleNamespace
) -> None:
    params = {"trace": sample.TURNS[0], "part": "turn"}
    html = (await client.get(f"/traces/calls/{sample.CALL}", params=params)).text
    assert "<html" not in html
    assert "invoke_agent frontdesk" in html


async def test_the_agents_of_the_whole_call_are_drawn_on_demand(
    client: httpx2.AsyncClient, sample: SimpleNamespace
) -> None:
    page = f"/traces/calls/{sample.CALL}"
    assert 'class="agentgraph"' not in (plain := (await client.get(page)).text)
    assert 'href="?part=agents#turn"' in plain
    params = {"part": "agents", "trace": sample.TURNS[0]}
    html = (await client.get(page, params=params)).text
    assert "Agents of the whole call</h2>" in html
    assert "Choose a turn" not in html
    nodes = re.findall(r'class="node [^"]*" data-trace="(\w+)"', html)
    assert nodes and {*nodes} <= {*sample.TURNS}
    steps = re.findall(r'<li><a href="\?trace=(\w+)', html)
    assert steps == sorted(steps, key=sample.TURNS.index)
    assert {*steps} == {*sample.TURNS}


async def test_what_is_not_there_is_a_readable_404(
    client: httpx2.AsyncClient, sample: SimpleNamespace
) -> None:
    for url in ("/traces/calls/sess_none", f"/traces/calls/{sample.CALL}?trace=ffff"):
        answer = await client.get(url)
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text


async def test_a_trace_of_another_call_does_not_open_under_this_one(
    client: httpx2.AsyncClient, sample: SimpleNamespace, data: Any
) -> None:
    data.traces["foreign"] = data.traces[sample.TURNS[0]]
    answer = await client.get(f"/traces/calls/{sample.CALL}", params={"trace": "foreign"})
    assert answer.status_code == 404


async def test_words_and_tool_output_that_are_markup_stay_text(
    client: httpx2.AsyncClient, sample: SimpleNamespace, data: Any
) -> None:
    tool = next(s for s in data.traces[sample.TURNS[1]] if "execute_tool" in s["name"])
    for url in (
        "/traces",
        f"/traces?q={sample.HOSTILE}&agent={sample.HOSTILE}",
        f"/traces/calls/{sample.CALL}?trace={sample.TURNS[2]}",
        f"/traces/calls/{sample.CALL}?trace={sample.TURNS[1]}&span={tool['span_id']}",
        f"/traces/calls/{sample.HOSTILE}",
        "/talk",
    ):
        page = parsed((await client.get(url)).text)
        assert all(src and src.startswith("/static/") for src in page.scripts), url
        assert page.suspicious == [], url


async def test_the_policy_allows_nothing_inline_and_sockets_only_home(
    client: httpx2.AsyncClient,
) -> None:
    headers = (await client.get("/talk")).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["permissions-policy"].startswith("microphone=(self)")


async def test_a_forged_host_cannot_widen_the_policy(client: httpx2.AsyncClient) -> None:
    headers = {"host": "evil.example; script-src *"}
    policy = (await client.get("/talk", headers=headers)).headers["content-security-policy"]
    assert "evil" not in policy


async def test_static_files_are_kept_for_ever_under_their_version_only(
    client: httpx2.AsyncClient,
) -> None:
    html = (await client.get("/talk")).text
    url = re.search(r'src="(/static/(\w+)/talk\.js)"', html)
    assert url is not None
    fresh = await client.get(url.group(1))
    stale = await client.get("/static/0000/talk.js")
    assert "immutable" in fresh.headers["cache-control"]
    assert fresh.headers["content-type"].startswith("text/javascript")
    assert stale.headers["cache-control"] == "no-cache"
    assert stale.text == fresh.text


async def test_static_files_outside_the_folder_cannot_be_had(client: httpx2.AsyncClient) -> None:
    for path in ("../templates/base.html", "%2e%2e/templates/base.html", "/etc/passwd", "lib"):
        assert (await client.get(f"/static/0/{path}")).status_code == 404


async def test_traces_that_cannot_be_read_are_told_as_such(
    client: httpx2.AsyncClient, data: Any, sample: SimpleNamespace
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Unreadable("The disk with the traces is full.")

    data.calls = data.call = fail
    for url in ("/traces", f"/traces/calls/{sample.CALL}"):
        answer = await client.get(url)
        assert answer.status_code == 503
        assert "The disk with the traces is full." in answer.text


async def test_a_call_page_asks_for_all_its_modules_at_once(
    client: httpx2.AsyncClient, sample: SimpleNamespace
) -> None:
    page = (await client.get(f"/traces/calls/{sample.CALL}")).text
    preload = r'<link rel="modulepreload" fetchpriority="low" href="([^"]+)">'
    preloaded = set(re.findall(preload, page))
    entry = re.search(r'<script type="module" fetchpriority="low" src="([^"]+)">', page)
    assert entry
    known, waiting = set[str](), [entry[1]]
    while waiting:
        address = waiting.pop()
        source = (await client.get(address)).text
        for path in re.findall(r'^import .*"(\.[^"]+)";$', source, re.MULTILINE):
            module = posixpath.normpath(f"{posixpath.dirname(address)}/{path}")
            if module not in known:
                known.add(module)
                waiting.append(module)
    assert preloaded == known


async def test_background_work_stands_on_the_page_of_its_call_and_opens_as_a_turn_does(
    client: httpx2.AsyncClient, data: Any, sample: SimpleNamespace
) -> None:
    trace = "d" * 32
    work = {"trace_id": trace, "id": "work_1", "tool": "find_part", "agent": "bench"}
    work |= {"status": "done", "progress": "2 of 3", "started": sample.STARTED, "seconds": 6.5}
    data.full[sample.CALL] = {**data.full[sample.CALL], "delegations": [work]}
    first = data.full[sample.CALL]["turns"][0]
    spans = data.traces[first["trace_id"]]
    data.trace = lambda asked: {"trace": {**first, "trace_id": asked}, "spans": spans, "scores": []}
    page = (await client.get(f"/traces/calls/{sample.CALL}")).text
    assert "Background work" in page
    assert "done, asked for by bench, 6.50 s: 2 of 3" in page
    opened = await client.get(f"/traces/calls/{sample.CALL}", params={"trace": trace})
    assert (opened.status_code, 'class="waterfall"' in opened.text) == (200, True)
