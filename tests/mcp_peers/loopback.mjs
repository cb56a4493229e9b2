// Loaded before other people's servers (node --import): they would listen on all addresses.
import net from 'node:net';

const { listen } = net.Server.prototype;

net.Server.prototype.listen = function (...given) {
  const port = typeof given[0] === 'object' ? given[0].port : given[0];
  // Not { port, host }: that would listen a moment later, and many ask for the port at once.
  const handle = net._createServerHandle('127.0.0.1', Number(port ?? 0), 4);
  if (typeof handle === 'number') throw new Error(`port ${port} cannot be had: error ${handle}`);
  return listen.call(this, handle, given.find((word) => word instanceof Function));
};
