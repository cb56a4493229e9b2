"""A connection that breaks is a broken connection, on each event loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from redis.exceptions import ConnectionError

from frontdesk.state import links
from frontdesk.state.cluster import Cluster


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_write_after_the_servers_end_is_a_broken_connection(
    run: Callable[[Any], None], tmp_path: Path
) -> None:
    path = str(tmp_path / "server.sock")

    async def write_after_the_end() -> None:
        connected = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await connected.wait()
            writer.close()

        async with await asyncio.start_unix_server(serve, path):
            connection = links.Socket(path=path, protocol=2, driver_info=None)
            await connection.connect()
            connected.set()
            with pytest.raises(ConnectionError):
                while True:  # the first may still be taken by the system
                    await connection.send_command("PING")
                    await asyncio.sleep(0)

    run(write_after_the_end())


def test_a_clusters_connections_are_ours_too() -> None:
    for ssl, kind in ((False, links.Node), (True, links.NodeTls)):
        cluster = Cluster(host="127.0.0.1", port=1, ssl=ssl)
        nodes = [*cluster.nodes_manager.startup_nodes.values()]
        assert [type(node.acquire_connection()) for node in nodes] == [kind]
