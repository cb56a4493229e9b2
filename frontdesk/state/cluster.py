"""A Redis Cluster, as the rest of the code wants it: like one server.

redis-py's client finds the node of a key and follows it when it moves. What is mended here:

* its own errors are no ``RedisError``: a cluster that is away is one here;
* a time-out is not repeated: the writer of a call repeats what may be repeated;
* a slot on its way to another node: ``ASKING`` is sent on the connection of the command behind it,
  and to a node that has no slots yet, too;
* a script that a node does not know is sent to that node alone, which need not be known to have
  slots, while others may be down;
* a transaction would start a thread and an event loop for each of its commands: there are none.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from redis.asyncio.cluster import ClusterNode, ClusterPipeline, PipelineCommand, RedisCluster
from redis.commands.core import AsyncScript
from redis.exceptions import (
    ClusterDownError,
    ConnectionError,
    NoScriptError,
    RedisClusterException,
    SlotNotCoveredError,
)


class Cluster(RedisCluster):
    """Commands go to the node of their key. A command without one goes where redis-py says."""

    ERRORS_ALLOW_RETRY = (ConnectionError, ClusterDownError, SlotNotCoveredError)

    async def initialize(self, *args: Any, **kwargs: Any) -> "Cluster":
        with _as_redis_errors():
            await super().initialize(*args, **kwargs)
        return self

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        with _as_redis_errors():
            return await super().execute_command(*args, **kwargs)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> "Pipeline":
        if transaction:
            raise NotImplementedError("no transaction in a cluster: write a script")
        return cast(Any, Pipeline)(self, None)

    def register_script(self, script: Any) -> "Script":
        return Script(cast(Any, self), script)

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> Any:
        if node_name is None:
            return super().get_node(host, port)
        # By name it is asked for where a key is on its way.
        node = super().get_node(node_name=node_name)
        if node is None:
            address, _, number = node_name.rpartition(":")
            node = ClusterNode(address, int(number), "primary", **self.connection_kwargs)
            self.nodes_manager.nodes_cache[node_name] = node  # closed with the others
        return Asked(node)


class Pipeline(ClusterPipeline):
    """Commands by node, each node's at once."""

    async def execute(self, *args: Any, **kwargs: Any) -> list[Any]:
        with _as_redis_errors():
            return await super().execute(*args, **kwargs)


class Script(AsyncScript):
    """Sent whole to a node that does not know it."""

    async def __call__(self, keys: Any = None, args: Any = None, client: Any = None) -> Any:
        client = client or self.registered_client
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await client.eval(self.script, len(keys), *keys, *args)


class Asked:
    """A node that is getting a slot: each command goes behind an ``ASKING`` of its own."""

    def __init__(self, node: ClusterNode) -> None:
        self._node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    async def execute_command(self, *args: Any, asking: bool = False, **kwargs: Any) -> Any:
        if args == ("ASKING",):
            return None
        commands = [PipelineCommand(0, "ASKING"), PipelineCommand(1, *args, **kwargs)]
        await self._node.execute_pipeline(commands)
        result = commands[1].result
        if isinstance(result, Exception):
            raise result
        return result


@contextmanager
def _as_redis_errors() -> Generator[None]:
    try:
        yield
    except RedisClusterException as error:
        raise ConnectionError(str(error)) from error
