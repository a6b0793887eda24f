// The user's HTTP proxy: HTTP_PROXY, HTTPS_PROXY, NO_PROXY (either case), as Go and Docker read them. Plain requests are
// sent to the proxy with their whole URL; TLS goes through a CONNECT tunnel (RFC 9110 §9.3.6). Runs in the daemon.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect as tlsConnect, type SecureContext, type TLSSocket } from 'node:tls';
import { hostName, isInsecure } from './config.ts';
import { networkFailure, RegistryFailure } from './failure.ts';

export interface Proxy {
  url: URL;
  /** Proxy-Authorization, when the proxy's URL has a user */
  headers: Record<string, string>;
}

/** The proxy for this URL, or undefined: none is set, the host is exempt, or it is this machine. */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): Proxy | undefined {
  const secure = url.protocol === 'https:';
  const text = secure ? (env.HTTPS_PROXY ?? env.https_proxy) : (env.HTTP_PROXY ?? env.http_proxy);
  if (!text || isInsecure(url.host, { mirrors: [], insecure: [] })) return undefined;
  if (exempt(url, env.NO_PROXY ?? env.no_proxy ?? '')) return undefined;
  let proxy: URL;
  try {
    proxy = new URL(/^[a-z]+:\/\//.test(text) ? text : `http://${text}`);
  } catch {
    // The text may hold a password.
    throw new RegistryFailure(`${secure ? 'HTTPS_PROXY' : 'HTTP_PROXY'} is not a URL`, { kind: 'invalidArgument' });
  }
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')
    throw new RegistryFailure(`proxy ${proxy.host}: unsupported scheme ${proxy.protocol.slice(0, -1)}`, {
      kind: 'invalidArgument',
    });
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const headers = user === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
  proxy.username = proxy.password = '';
  return { url: proxy, headers: headers as Record<string, string> };
}

function exempt(url: URL, list: string): boolean {
  const name = hostName(url.host);
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*' || entry === url.host || entry === name) return true;
      if (entry.includes('/')) return isInsecure(url.host, { mirrors: [], insecure: [entry] });
      return isIP(name) === 0 && name.endsWith(entry.startsWith('.') ? entry : `.${entry}`);
    });
}

/** A TLS connection to the URL's host through the proxy. */
export async function tunnel(input: {
  proxy: Proxy;
  url: URL;
  stall: number;
  signal: AbortSignal | undefined;
  trust: SecureContext | undefined;
}): Promise<TLSSocket> {
  const { proxy, url, stall, signal, trust } = input;
  const host = `${url.hostname}:${url.port || 443}`;
  const send = proxy.url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(networkFailure(error, { method: 'CONNECT', url: proxy.url }));
    const sent = send(proxy.url, { method: 'CONNECT', path: host, headers: { host, ...proxy.headers }, signal });
    sent.setTimeout(stall, () => sent.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    sent.once('error', fail);
    sent.once('response', (answer) => {
      answer.destroy();
      reject(new RegistryFailure(`proxy ${proxy.url.host}: CONNECT ${host}: ${answer.statusCode}`, { retry: true }));
    });
    sent.once('connect', (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        reject(new RegistryFailure(`proxy ${proxy.url.host}: CONNECT ${host}: ${answer.statusCode}`));
        return;
      }
      socket.setTimeout(0);
      const secured = tlsConnect({
        socket,
        ...(isIP(url.hostname) === 0 && { servername: url.hostname }),
        rejectUnauthorized: trust !== undefined,
        secureContext: trust,
      });
      secured.once('error', (error) => reject(networkFailure(error, { method: 'GET', url })));
      secured.once('secureConnect', () => resolve(secured));
    });
    sent.end();
  });
}
