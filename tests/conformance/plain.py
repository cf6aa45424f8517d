"""What needs no SDK: plain `curl`, and three thousand clients that ask at once for a job that is not stored."""

import re
import subprocess

import gateway
from jobs import DOCUMENTED
from sdk import equal

CLIENTS = 3000
DELAY_S = 0.2


def run(report, section, _sdks):
    report.run(section, plain_curl.__doc__, plain_curl)
    report.run(section, f"one job, {CLIENTS} connections at once, upstream takes {DELAY_S * 1000:.0f} ms", herd)


def herd():
    with gateway.origin(gateway.sample("success-documented.json"), DELAY_S) as upstream:
        with gateway.Gateway(upstream.url) as running:
            url = f"{running.url}/v1/job/{DOCUMENTED}/info"
            command = ["h2load", "--h1", f"-n{CLIENTS}", f"-c{CLIENTS}", "-t1", url]
            said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
            equal("connections", running.metric("jobgate_connections_accepted_total"), CLIENTS)
        equal("what upstream was asked", upstream.asked, [f"/v1/job/{DOCUMENTED}/info"])
    succeeded = int(re.search(r"(\d+) succeeded", said)[1])
    answered = int(re.search(r"status codes: (\d+) 2xx", said)[1])
    equal("answers", (succeeded, answered), (CLIENTS, CLIENTS))
    slowest = re.search(r"time for request:\s+\S+\s+(\S+)", said)[1]
    return f"{answered} × 200 for one upstream call; the slowest took {slowest}"


def plain_curl():
    """plain `curl`, twice"""
    with gateway.Gateway() as running:
        url = f"{running.url}/v1/job/{DOCUMENTED}/info"
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--dump-header", "-", url]
        first, second = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    for said, status in [(first, "jobgate; fwd=uri-miss; stored"), (second, "jobgate; hit")]:
        if f"cache-status: {status}" not in said.lower():
            raise AssertionError(f"no Cache-Status {status!r} in {said}")
    equal("the body", second.rpartition("\n\n")[2], first.rpartition("\n\n")[2])
    return "the same body; `Cache-Status` tells that the first was fetched and the second was a hit"
