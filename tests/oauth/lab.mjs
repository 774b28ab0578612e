// An authorization server that nobody here wrote (oidc-provider) with what tests need around it:
//
//   /auth, /token, …        oidc-provider: PKCE demanded, refresh tokens rotated, a reused one ends its grant
//   /v1/models, /v1/chat/completions   an upstream that takes live access tokens only
//   /google/token           takes assertions of the service account that GET /lab/service_account gives
//   /lab/…                  what the server saw, how it should fail, and a person with a browser
//
// Prints one line with its address when it listens, and ends when its standard input does.

import { createPublicKey, createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { signIn } from './person.mjs';

const seen = { tokens: {}, asked: 0, served: 0, refused: 0, dropped: 0, assertions: 0 };
const faults = { drop: 0, status: 0 };
const held = { requests: false, answers: false, waiting: [] };
const grants = new Set();
const accessTokens = [];
const secrets = new Set();
let accessTokenSeconds = 3600;

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    if (!response.headersSent) answer(response, 500, { error: String(error) });
    else response.destroy();
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${server.address().port}`;

const client = { redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'], application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'] };
const provider = new Provider(address, {
  clients: [
    { ...client, client_id: 'lab-public', token_endpoint_auth_method: 'none' },
    { ...client, client_id: 'lab:secret', client_secret: 'lab secret/+%', token_endpoint_auth_method: 'client_secret_basic' },
  ],
  cookies: { keys: ['lab'] },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  ttl: { AccessToken: () => accessTokenSeconds, RefreshToken: () => 86400, Grant: () => 86400, Session: () => 86400, Interaction: () => 600 },
});
provider.on('grant.success', (context) => {
  const type = context.oidc.params.grant_type;
  seen.tokens[type] = (seen.tokens[type] ?? 0) + 1;
  grants.add(context.oidc.entities.Grant.jti);
});
provider.on('access_token.saved', (token) => accessTokens.push(token));
const oidc = provider.callback();

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const serviceAccount = {
  type: 'service_account',
  client_email: 'lab@project.iam.gserviceaccount.com',
  private_key_id: 'key-1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  token_uri: `${address}/google/token`,
};
const googleTokens = new Set();

async function handle(request, response) {
  const url = new URL(request.url, address);
  if (url.pathname.startsWith('/lab/')) return lab(url, response);
  if (url.pathname === '/google/token') return google(request, response);
  if (url.pathname.startsWith('/v1/')) return upstream(url, request, response);
  if (url.pathname === '/token') return token(request, response);
  return oidc(request, response);
}

// The token endpoint, as far as it is let.
async function token(request, response) {
  seen.asked += 1;
  const end = response.end.bind(response);
  response.end = (...last) => {
    for (const [, secret] of String(last[0]).matchAll(/"(?:access|refresh)_token":"([^"]+)"/g)) secrets.add(secret);
    if (!held.answers) return end(...last);
    held.waiting.push(() => end(...last));
    return response;
  };
  if (held.requests) await new Promise((resolve) => held.waiting.push(resolve));
  if (faults.status) return answer(response, faults.status, { error: 'server_error' });
  if (faults.drop > 0) {
    faults.drop -= 1;
    // The server takes the token and answers; nobody gets the answer.
    response.write = () => true;
    response.end = () => {
      seen.dropped += 1;
      request.socket.destroy();
      return response;
    };
  }
  return oidc(request, response);
}

async function lab(url, response) {
  const number = (name, usual) => Number(url.searchParams.get(name) ?? usual);
  switch (url.pathname) {
    case '/lab/seen':
      return answer(response, 200, { ...seen, waiting: held.waiting.length });
    case '/lab/drop':
      faults.drop = number('count', 1);
      return answer(response, 200, {});
    case '/lab/status':
      faults.status = number('status', 0);
      return answer(response, 200, {});
    case '/lab/lifetime':
      accessTokenSeconds = number('seconds', 3600);
      return answer(response, 200, {});
    case '/lab/expire':
      for (const accessToken of accessTokens.splice(0)) await accessToken.destroy();
      return answer(response, 200, {});
    case '/lab/secrets':
      return answer(response, 200, [...secrets]);
    case '/lab/hold':
      // Before the server takes a token, or after that, before it answers.
      held[url.searchParams.get('what') ?? 'requests'] = true;
      return answer(response, 200, {});
    case '/lab/release':
      held.requests = held.answers = false;
      held.waiting.splice(0).forEach((resolve) => resolve());
      return answer(response, 200, {});
    case '/lab/revoke':
      for (const id of grants) await (await provider.Grant.find(id))?.destroy();
      grants.clear();
      return answer(response, 200, {});
    case '/lab/service_account':
      return answer(response, 200, serviceAccount);
    case '/lab/person':
      return answer(response, 200, await signIn(url.searchParams.get('url'), url.searchParams.get('answer') ?? 'consent'));
    default:
      return answer(response, 404, {});
  }
}

async function upstream(url, request, response) {
  await body(request);
  const bearer = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const known = googleTokens.has(bearer) || (bearer && (await provider.AccessToken.find(bearer)));
  const isLive = known === true || (known && !known.isExpired && (await provider.Grant.find(known.grantId)));
  if (!isLive) {
    seen.refused += 1;
    return answer(response, 401, { error: { message: 'the access token is invalid', type: 'invalid_request_error', code: 'invalid_api_key' } });
  }
  seen.served += 1;
  if (url.pathname === '/v1/models') return answer(response, 200, { object: 'list', data: [{ id: 'lab-1', object: 'model', created: 1, owned_by: 'lab' }] });
  return answer(response, 200, {
    id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'lab-1',
    choices: [{ index: 0, message: { role: 'assistant', content: 'served' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
}

// Verifies an assertion as RFC 7523 asks, with Node's own cryptography.
async function google(request, response) {
  const form = new URLSearchParams(await body(request));
  const parts = (form.get('assertion') ?? '').split('.');
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const isSigned = createVerify('RSA-SHA256').update(parts.slice(0, 2).join('.')).verify(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), parts[2], 'base64url');
  const now = Date.now() / 1000;
  const isGood = isSigned && form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' && header.alg === 'RS256'
    && header.kid === 'key-1' && claims.iss === serviceAccount.client_email && claims.aud === serviceAccount.token_uri
    && claims.scope === 'lab' && claims.exp - claims.iat <= 3600 && Math.abs(now - claims.iat) < 60;
  if (!isGood) return answer(response, 400, { error: 'invalid_grant', error_description: 'Invalid JWT' });
  seen.assertions += 1;
  const access = `ya29.lab-${seen.assertions}`;
  googleTokens.add(access);
  return answer(response, 200, { access_token: access, token_type: 'Bearer', expires_in: 3599 });
}

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

function answer(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

process.stdout.write(`${address}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
