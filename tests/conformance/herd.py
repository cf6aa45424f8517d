"""Three thousand clients at once ask for a job that is not stored, and upstream takes its time."""

import re
import subprocess

import gateway
import sdk
from jobs import DOCUMENTED

CLIENTS = 3000
DELAY_S = 0.2


def run(report, section):
    report.run(section, f"one job, {CLIENTS} connections at once, upstream takes {DELAY_S * 1000:.0f} ms", herd)


def herd():
    with gateway.origin(gateway.sample("success-documented.json"), DELAY_S) as upstream:
        with gateway.Gateway(upstream.url) as running:
            url = f"{running.url}/v1/job/{DOCUMENTED}/info"
            command = ["h2load", "--h1", f"-n{CLIENTS}", f"-c{CLIENTS}", "-t1", url]
            said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
            sdk.equal("connections", running.metric("jobgate_connections_accepted_total"), CLIENTS)
        sdk.equal("what upstream was asked", upstream.asked, [f"/v1/job/{DOCUMENTED}/info"])
    succeeded = int(re.search(r"(\d+) succeeded", said)[1])
    answered = int(re.search(r"status codes: (\d+) 2xx", said)[1])
    sdk.equal("answers", (succeeded, answered), (CLIENTS, CLIENTS))
    slowest = re.search(r"time for request:\s+\S+\s+(\S+)", said)[1]
    return f"{answered} × 200 for one upstream call; the slowest took {slowest}"
