"""A running gateway, and an upstream of our own that counts.

Every gateway is a fresh process on ports that the system picks, so that a case that makes the gateway hold its calls
(a throttle, a refused credential) cannot change what the next case sees.
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("JOBGATE_BIN", ROOT / "target/release/jobgate"))
SAMPLES = ROOT / "tests/samples"

# The stand-ins for the central credential; those of the sandbox are in docs/sandbox.md. Nobody may ever see them.
ACCESS_KEY = "CONFORMANCEACCESSKEY"
SECRET_KEY = "conformance-secret-key-opens-nothing"
CENTRAL = [ACCESS_KEY, SECRET_KEY, "JOBGATESANDBOXACCESS", "jobgate-sandbox-secret-key-opens-nothing"]

START_PATIENCE_S = 10

# As an operator writes it, save that ports are free ones and no list is asked for: cases count what upstream is asked. Calls go out in
# budget mode, the default. The sandbox's quota is the budget: enough for all cases, unless they bring their own.
CONFIG = """
[server]
listen = "127.0.0.1:0"
{server}
[admin]
listen = "127.0.0.1:0"
[auth]
mode = "{auth}"
[budget]
{budget}
sweep.mode = "off"
{rest}
"""


UPSTREAM = """
[upstream]
endpoint = "{endpoint}"
[upstream.credential]
kind = "aksk"
access_key_env = "CONFORMANCE_AK"
secret_key_env = "CONFORMANCE_SK"
"""


class Gateway:
    """`jobgate serve` on free ports; `with` ends it, and sees that it ended well and told no secret."""

    def __init__(
        self,
        endpoint=None,
        auth="open",
        server="",
        budget="requests = 5000",
        rest="",
        scenario="",
        environment=None,
        secrets=(),
    ):
        """`endpoint`: the upstream; without one the built-in sandbox, in this `scenario`. `secrets` may be told as little
        as `CENTRAL`, and so may what is in `environment`."""
        environment = environment or {}
        self._secrets = [*CENTRAL, *secrets, *environment.values()]
        self._directory = tempfile.TemporaryDirectory(prefix="jobgate-conformance-")
        path = pathlib.Path(self._directory.name) / "gateway.toml"
        upstream = UPSTREAM.format(endpoint=endpoint) if endpoint else ""
        path.write_text(CONFIG.format(server=server, auth=auth, budget=budget, rest=upstream + rest))
        path.with_name("scenario.toml").write_text(scenario)
        sandbox = ["--sandbox", "--scenario", path.with_name("scenario.toml")]
        command = [BINARY, "serve", "--config", path] + ([] if endpoint else sandbox)
        # Nothing of the caller's environment: a JOBGATE_SECTION__KEY there would change what is tested.
        variables = {"CONFORMANCE_AK": ACCESS_KEY, "CONFORMANCE_SK": SECRET_KEY, **environment}
        self._errors = open(path.with_name("errors"), "w+b")
        self._process = subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._log, self._serving, self._introduced = [], None, threading.Event()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._introduced.wait(START_PATIENCE_S)
        if self._serving is None:
            self._process.kill()
            raise RuntimeError("the gateway did not start:\n" + self._told_errors())
        scheme = "https" if "tls = " in server else "http"
        self.url, self._admin = f"{scheme}://{self._serving['listen']}", f"http://{self._serving['admin']}"

    def _read_log(self):
        """Reads the log to its end, and from it where the gateway serves."""
        for line in self._process.stdout:
            self._log.append(line)
            if self._serving is None and (event := json.loads(line))["message"] == "serving":
                self._serving = event
                self._introduced.set()
        self._introduced.set()  # it ended without serving

    def _told_errors(self):
        self._errors.seek(0)
        return self._errors.read().decode()

    def metrics(self):
        """All metrics as text."""
        return urllib.request.urlopen(f"{self._admin}/metrics", timeout=5).read().decode()

    def metric(self, name):
        """The sum over all labels of a metric that is there."""
        values = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)", self.metrics(), re.MULTILINE)
        if not values:
            raise KeyError(f"no metric {name}")
        return sum(map(float, values))

    def access_line(self, request_id):
        """The line of a request in the access log."""
        found = []

        def look():
            found.extend(line for line in map(json.loads, list(self._log)) if line.get("request.id") == request_id)
            return found

        until(f"the access line of {request_id}", look)
        return found[0]

    def until(self, name, value, patience_s=10):
        """Waits for a metric to take a value."""
        deadline = time.monotonic() + patience_s
        while (seen := self.metric(name)) != value:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is {seen}, not {value}, after {patience_s} s")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            said = self.metrics()
            self._process.terminate()
            self._process.wait(timeout=40)  # more than server.drain_timeout
            self._reader.join()
            said += "".join(self._log) + self._told_errors()
        finally:
            self._process.kill()  # nothing, once it has ended
            self._errors.close()
            self._directory.cleanup()
        if self._process.returncode != 0:
            raise RuntimeError(f"the gateway ended with {self._process.returncode}")
        if told := [secret for secret in self._secrets if secret in said]:
            raise AssertionError(f"in the log, in the metrics or on standard error: {told}")


@contextlib.contextmanager
def serving(handler):
    """A server of our own on a free port; its `url` says where."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()  # how often it looks whether to end, in s
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def origin(body, delay_s=0.0):
    """An upstream that answers every call with the same job, after a delay, and keeps the paths it was asked for, and when."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.server.times.append(time.monotonic())
            self.server.asked.append(self.path)  # appending is atomic
            time.sleep(delay_s)
            payload = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json;charset=UTF-8")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    with serving(Handler) as server:
        server.asked, server.times = [], []
        yield server


def until(what, holds, patience_s=10):
    """Waits until something holds."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience_s} s: {what}")
        time.sleep(0.01)


def sample(name):
    """A recorded body."""
    return json.loads((SAMPLES / name).read_text())


def new_key(name):
    """A client key, and the configuration lines that let it in, both as `jobgate key new` prints them."""
    said = subprocess.run([BINARY, "key", "new", name], check=True, capture_output=True, text=True, env={}).stdout
    return re.search(r"^jgk_\w+$", said, re.MULTILINE)[0], said[said.index("[[clients]]") :]
