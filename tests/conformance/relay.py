"""A hop between an SDK and the gateway, which may change what the SDK signed, and sees what is on the wire."""

import contextlib
import http.client
import http.server
import types
import urllib.parse

import gateway


@contextlib.contextmanager
def to(url, change=lambda path, headers: (path, headers)):
    """Passes requests on, after `change(path, headers)`, where headers are pairs. `seen` has the paths as the SDK sent them, `answers`
    what the gateway said."""
    upstream = urllib.parse.urlsplit(url).netloc

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = self.requestline.split()[1]  # as it is sent: `self.path` has one slash where the wire has two
            self.server.seen.append(path)
            path, headers = change(path, self.headers.items())
            connection = http.client.HTTPConnection(upstream, timeout=60)
            connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            self.server.answers.append(types.SimpleNamespace(status=answer.status, headers=answer.headers, body=body))
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with gateway.serving(Handler) as server:
        server.seen, server.answers = [], []
        yield server
