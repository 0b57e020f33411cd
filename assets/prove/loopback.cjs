// Loaded first into an agent that keymend runs to prove a prediction: every outgoing TCP connection of the process goes
// to keymend's server on loopback instead, whatever host was meant. TLS keeps the name it asked for, so that the server
// can answer with a certificate for it; the authority comes in NODE_EXTRA_CA_CERTS.
'use strict';
const dns = require('node:dns');
const net = require('node:net');

const port = Number(process.env.KEYMEND_LOOPBACK_PORT || 0);
const isLocal = (host) => !host || host === 'localhost' || host === '::1' || host === '0.0.0.0' || /^127\./.test(host);
// An address of the documentation range: it must look public to programs that refuse private addresses.
const ANYWHERE = '93.184.216.34';

if (port) {
  const answer = (options) => (options && options.all ? [{ address: ANYWHERE, family: 4 }] : ANYWHERE);
  const lookup = dns.lookup;
  dns.lookup = function (host, options, callback) {
    if (typeof options === 'function') { callback = options; options = {}; }
    if (isLocal(host) || net.isIP(host)) return lookup.call(dns, host, options, callback);
    process.nextTick(() => (options.all ? callback(null, answer(options)) : callback(null, ANYWHERE, 4)));
  };
  const promised = dns.promises.lookup;
  dns.promises.lookup = async function (host, options) {
    if (isLocal(host) || net.isIP(host)) return promised.call(dns.promises, host, options);
    return options && options.all ? answer(options) : { address: ANYWHERE, family: 4 };
  };
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    const given = Array.isArray(args[0]) ? args[0] : args;
    const options = given[0];
    if (options && typeof options === 'object' && !options.path && !isLocal(options.host)) {
      given[0] = { ...options, host: '127.0.0.1', port, lookup: undefined };
    } else if (typeof options === 'number' && typeof given[1] === 'string' && !isLocal(given[1])) {
      given[0] = port;
      given[1] = '127.0.0.1';
    }
    return connect.apply(this, args);
  };
}
