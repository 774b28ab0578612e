// A person with a browser: follows a sign-in's pages, fills in the login form, and consents or declines.

const STEPS_MAX = 20;

// Ends with the page to which the authorization server sent the browser back.
export async function signIn(start, answer) {
  const cookies = new Map();
  let request = { url: start };
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const response = await visit(request, cookies);
    const location = response.headers.get('location');
    const page = await response.text();
    if (location) {
      request = { url: new URL(location, request.url).href };
    } else if (new URL(request.url).pathname === '/callback' || !response.ok) {
      return { status: response.status, page };
    } else {
      request = next(page, request.url, answer);
    }
  }
  throw new Error('the sign-in does not end');
}

async function visit({ url, form }, cookies) {
  const headers = cookies.size ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {};
  const response = await fetch(url, { redirect: 'manual', headers, ...(form && { method: 'POST', body: form }) });
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (value) cookies.set(name, value);
    else cookies.delete(name);
  }
  return response;
}

function next(page, url, answer) {
  const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
  if (answer === 'decline') return { url: new URL(/href="([^"]*\/abort)"/.exec(page)[1], url).href };
  const action = new URL(/action="([^"]+)"/.exec(page)[1], url).href;
  return { url: action, form: new URLSearchParams({ prompt, login: 'person', password: 'any' }) };
}
