// Loaded before other people's servers (node --import): they would listen on all addresses.
import net from 'node:net';

const { listen } = net.Server.prototype;

net.Server.prototype.listen = function (...given) {
  const where = typeof given[0] === 'object' ? given[0] : { port: Number(given[0]) };
  return listen.call(this, { ...where, host: '127.0.0.1' }, given.find((g) => g instanceof Function));
};
