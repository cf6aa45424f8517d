"""Budget mode, the default: what clients meet where upstream allows fewer calls than they ask for."""

import collections
import json
import time
import urllib.error
import urllib.request

import gateway
from jobs import LIVING
from sdk import equal

# Not the id in the sample: an upstream that has named the job that was asked for once must do so ever after.
JOBS = [f"budget{number:026}" for number in range(20)]
SAMPLE = "success-documented.json"

# Two seconds more than a first ask waits for its turn, and so refused also on a machine that takes a while between two calls.
WINDOW_S = 4
# How late a call may be seen on a busy machine. A slot that is missed costs a whole window.
SLACK_S = 2

# A build that is over 7 seconds after the start.
BUILD = """
[[rules]]
do = { states = [{ state = "queued", for = "3s" }, { state = "running", for = "4s" }, { state = "finished" }] }
"""

LOOK_OFTEN = """
[cache]
ttl = "500ms"
ttl_running = "500ms"
"""


def run(report, section, sdks):
    for case in [build_polled, wallboard, late_comer, usage]:
        report.run(section, case.__doc__, case, sdks)


def build_polled(sdk):
    """a job that is built, polled all the time; at most a fifth of the polls cost a call"""
    states, polls = [], 0
    with gateway.Gateway(rest=LOOK_OFTEN, scenario=BUILD) as running:
        client = sdk.client(running.url)
        deadline = time.monotonic() + 20
        while states[-1:] != ["Finished"] and time.monotonic() < deadline:
            state = client.show(LIVING).running_status
            polls += 1
            if state not in states[-1:]:
                states.append(state)
        calls = running.metric("jobgate_upstream_calls_total")
    equal("the states, in their order", states, ["InQueue", "Running", "Finished"])
    if calls > polls / 5:
        raise AssertionError(f"{polls} polls cost {calls} calls")
    return "`InQueue`, `Running`, `Finished`"


def wallboard(sdk):
    """20 jobs, polled all the time, on a budget of 10 calls in any second: never more, and each is looked at again and again"""
    looks = collections.Counter()
    limits = 'requests = 10\nwindow = "1s"'
    with gateway.origin(gateway.sample(SAMPLE)) as upstream, gateway.Gateway(
        upstream.url, budget=limits, rest=LOOK_OFTEN
    ) as running:
        client = sdk.client(running.url)
        deadline = time.monotonic() + 30
        while min((looks[path(job)] for job in JOBS), default=0) < 3:
            if time.monotonic() > deadline:
                raise TimeoutError(f"some job was not looked at again: {looks}")
            for job in JOBS:  # the first time each waits for its turn
                client.show(job)
            looks = collections.Counter(upstream.asked)
    for first, eleventh in zip(upstream.times, upstream.times[10:]):
        if eleventh - first < 1.0:
            raise AssertionError(f"eleven calls within {eleventh - first} s")
    return "the jobs, always"


def late_comer(sdk):
    """a new job while the budget is spent"""
    first, second = JOBS[:2]
    limits = f'requests = 3\nwindow = "{WINDOW_S}s"'  # of which a start makes one
    with gateway.origin(gateway.sample(SAMPLE)) as upstream, gateway.Gateway(upstream.url, budget=limits) as running:
        client = sdk.client(running.url)
        client.show(first)
        refusal = client.refusal(second).expect(429, "JG.4292")
        refused = time.monotonic()
        retry_after = told_to_come_back(running.url, second)
        gateway.until("the call is made without another request", lambda: len(upstream.asked) == 2)
        waited = time.monotonic() - refused
        client.show(second)
        equal("what upstream was asked", upstream.asked, [path(first), path(second)])
    if not 0 < retry_after <= WINDOW_S or waited > retry_after + SLACK_S:
        raise AssertionError(f"told to come back after {retry_after} s; the call was made after {waited} s")
    return f"{refusal}; after its `Retry-After` the job"


def told_to_come_back(url, job):
    """The `Retry-After` of a refusal, which the SDK does not show."""
    try:
        urllib.request.urlopen(url + path(job), timeout=10)
    except urllib.error.HTTPError as error:
        code = json.load(error)["error_code"]
        equal("status and code", (error.code, code), (429, "JG.4292"))
        return int(error.headers["Retry-After"])
    raise AssertionError("an answer, although the budget is spent")


def usage(sdk):
    """`/-/usage`, after five requests of this client for a job, and three of another one: each its own account"""
    keys, lines = zip(*map(gateway.new_key, ["ours", "theirs"]))
    with gateway.Gateway(auth="keys", rest="".join(lines), secrets=keys) as running:
        client = sdk.client(running.url)
        for key, times in zip(keys, [5, 3]):
            for _ in range(times):
                client.show(LIVING, X_Api_Key=key)
        accounts = [account(running.url, key) for key in keys]
        calls = running.metric("jobgate_upstream_calls_total")
    equal("the accounts", accounts, [("ours", 5, 4, 1.0), ("theirs", 3, 3, 0.0)])
    equal("upstream calls", calls, 1)
    return "asked 5, free 4, paid 1; the other: 3, 3, 0"


def account(url, key):
    request = urllib.request.Request(f"{url}/-/usage", headers={"X-Api-Key": key})
    told = json.load(urllib.request.urlopen(request, timeout=10))
    return told["client"], told["asked"], told["free"], told["paid"]


def path(job):
    return f"/v1/job/{job}/info"
