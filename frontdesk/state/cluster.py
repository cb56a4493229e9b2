"""A Redis Cluster, as the rest of the code wants it: like one server.

redis-py's client finds the node of a key and follows it when it moves. What is mended here:

* its connections break as ours do (:mod:`frontdesk.state.links`);
* its own errors are no ``RedisError``: a cluster that is away is one here;
* a time-out is not repeated: the writer of a call repeats what may be repeated;
* a slot on its way to another node: ``ASKING`` is sent on the connection of the command behind it,
  and to a node that has no slots yet, too;
* a script that a node does not know is sent to that node alone, which need not be known to have
  slots, while others may be down;
* a transaction, which would start a thread and an event loop for each of its commands, is sent to
  the node of its keys in one piece, as one server's is.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from redis.asyncio.cluster import ClusterNode, ClusterPipeline, PipelineCommand, RedisCluster
from redis.commands.core import AsyncScript
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    CrossSlotTransactionError,
    MovedError,
    NoScriptError,
    RedisClusterException,
    ResponseError,
    SlotNotCoveredError,
    TimeoutError,
    TryAgainError,
)

from frontdesk.state import links

REDIRECTIONS = 16


class Cluster(RedisCluster):
    """Commands go to the node of their key. A command without one goes where redis-py says."""

    ERRORS_ALLOW_RETRY = (ConnectionError, ClusterDownError, SlotNotCoveredError)

    def __init__(self, *, ssl: bool, **options: Any) -> None:
        cast(Any, super()).__init__(ssl=ssl, **options)
        kind = links.NodeTls if ssl else links.Node
        self.connection_kwargs["connection_class"] = kind
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = kind

    async def initialize(self, *args: Any, **kwargs: Any) -> "Cluster":
        with _as_redis_errors():
            await super().initialize(*args, **kwargs)
        return self

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        with _as_redis_errors():
            return await super().execute_command(*args, **kwargs)

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> "Pipeline":
        return cast(Any, Transaction if transaction else Pipeline)(self, None)

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


class Transaction(Pipeline):
    """Commands with keys of one slot: all of them or none."""

    async def execute(self, raise_on_error: bool = True, *_: Any) -> list[Any]:
        commands = [*cast(Any, self._execution_strategy)._command_queue]
        try:
            with _as_redis_errors():
                return await self._execute(commands) if commands else []
        finally:
            await self.reset()

    async def _execute(self, commands: list[PipelineCommand]) -> list[Any]:
        client: Any = self.cluster_client
        await client.initialize()
        slots = {await client._determine_slot(*command.args) for command in commands}
        if len(slots) != 1:
            raise CrossSlotTransactionError("the keys of a transaction are of several slots")
        [slot] = slots
        words = (("MULTI",), *(command.args for command in commands), ("EXEC",))
        node, asking = client.nodes_manager.get_node_from_slot(slot), False
        for attempt in range(REDIRECTIONS):
            try:
                replies = await _in_one_piece(node, (("ASKING",), *words) if asking else words)
            except MovedError as error:
                await client.nodes_manager.move_slot(error)
                node, asking = client.nodes_manager.get_node_from_slot(slot), False
            except AskError as redirection:
                error: Any = redirection
                node, asking = client.get_node(node_name=f"{error.host}:{error.port}"), True
            except TryAgainError:
                await asyncio.sleep(0.02 * attempt)
            except (ConnectionError, TimeoutError, ClusterDownError):
                client._initialize = True  # the next command looks where things are now
                raise
            else:
                return [_called_back(node, *both) for both in zip(commands, replies, strict=True)]
        raise ConnectionError("the keys of a transaction are on their way to another node")


async def _in_one_piece(node: ClusterNode, words: tuple[tuple[Any, ...], ...]) -> list[Any]:
    """The replies to what stands between MULTI and EXEC. Raises what the first one refused said."""
    connection: Any = node.acquire_connection()
    refused: ResponseError | None = None
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands(words))
        for _ in words[:-1]:
            try:
                await connection.read_response()
            except ResponseError as error:
                refused = refused or error
        try:
            replies: list[Any] = await connection.read_response()
        except ResponseError as error:
            raise refused or error from None
    finally:
        node.release(connection)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _called_back(node: ClusterNode, command: PipelineCommand, reply: Any) -> Any:
    callback = node.response_callbacks.get(command.args[0])
    return callback(reply, **command.kwargs) if callback else reply


class Script(AsyncScript):
    """Sent whole to a node that does not know it, and in a pipeline."""

    async def __call__(self, keys: Any = None, args: Any = None, client: Any = None) -> Any:
        client = self.registered_client if client is None else client
        keys, args = keys or (), args or ()
        if isinstance(client, ClusterPipeline):
            return cast(Any, client).eval(self.script, len(keys), *keys, *args)
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
    except CrossSlotTransactionError:
        raise  # a defect of ours
    except RedisClusterException as error:
        raise ConnectionError(str(error)) from error
