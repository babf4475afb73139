import type { RequestListener } from 'node:http';

/** The page behind a pairing link, without what stands after its `#`. */
const PATH = '/p';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pairing link</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>
<h1>This is a pairing link</h1>
<p>It pairs a device with the one that shows it. Take it on the device that is to be paired: copy the whole address of this page, with
everything behind the <code>#</code>, and run</p>
<p><code>cpns-agent pair '<i>the link</i>'</code></p>
<p>The link works once and for at most two minutes. Give it to nobody else.</p>
</html>
`;

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

/**
 * Answers whoever opens a pairing link in a browser: says what the link is for. What is secret in it stays in the browser; nothing on
 * the page runs or loads anything.
 */
export const pairingPage: RequestListener = (request, response) => {
  if (request.url?.split('?', 1)[0] !== PATH) {
    response.writeHead(404, { Connection: 'close' }).end();
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', Connection: 'close' }).end();
  } else {
    response.writeHead(200, HEADERS).end(request.method === 'GET' ? PAGE : undefined);
  }
};
