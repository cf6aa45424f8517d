"""Jobs that are there, ids that cannot be, and how a client keeps its connection."""

import json
import time
import urllib.request

import errors
import gateway
import relay
from sdk import FIELDS, equal

DOCUMENTED = "f5af662119404ad187437cd272b5099b"
LIVING = "abcdefghijklmnopqrstuvwxyz012345"
MISSING = "missing0000000000000000000000000"
CALLS = 200

# Each beyond what is safe in floating point, and the last the highest that the model's type holds.
LARGE = {"create_time": 2**53 + 1, "last_build_time": 2**63 - 1, "health_score": 2**31 - 1}


def run(report, section, sdks):
    for case in [
        living, recorded, straight, large_numbers, unicode_text, missing_job, own_request_id, bad_ids, dots, slash, no_id, one_connection,
        idle_connection, closed_connection,
    ]:  # fmt: skip
        report.run(section, case.__doc__, case, sdks)


def living(sdk):
    """a job of the sandbox: all 22 fields, none null"""
    with gateway.Gateway() as running:
        job = sdk.client(running.url).show(LIVING)
    equal("the id", job.id, LIVING)
    equal("the fields that are not set", [field for field, value in vars(job).items() if value is None], [])
    return "the job"


def recorded(sdk):
    """every recorded success, compared with the wire field by field: `create_time` as a text, nulls, absent and unknown fields"""
    with gateway.Gateway() as running:
        client = sdk.client(running.url)
        for job_id in map(errors.padded, errors.SUCCESSES):
            equal(f"the fields of {job_id}", exactly(vars(client.show(job_id))), exactly(on_the_wire(running, job_id)))
    return "the job, exactly"


def straight(sdk):
    """the documented example straight from upstream, without the gateway: `create_time` is a text"""
    with gateway.origin(gateway.sample("success-documented.json")) as upstream:
        told = sdk.client(upstream.url).told(DOCUMENTED)
    expected = {"Python": None, "Java": "ServerResponseException", "Go": "ServiceResponseError"}[sdk.language]
    equal("class and status", (told.get("class"), told["status_code"]), (expected, 200))
    return f"`{expected}`, status 200" if expected else "the job"


def on_the_wire(running, job_id):
    """The fields as the gateway sends them: in exactly the types of the models, and null where one is absent."""
    answer = urllib.request.urlopen(f"{running.url}/v1/job/{job_id}/info", timeout=10)
    equal("the content type", answer.headers["Content-Type"], "application/json;charset=UTF-8")
    result = json.load(answer)["result"]
    return {field: result.get(field) for field in FIELDS}


def exactly(fields):
    """For a comparison that tells 1 from true and from 1.0."""
    return json.dumps(fields, sort_keys=True)


def large_numbers(sdk):
    """numbers as large as the types of the models allow"""
    body = gateway.sample("success-normalised.json")
    body["result"] |= LARGE
    with gateway.origin(body) as upstream, gateway.Gateway(upstream.url) as running:
        job = sdk.client(running.url).show(DOCUMENTED)
    equal("the numbers", {field: getattr(job, field) for field in LARGE}, LARGE)
    return "the job, exactly"


def unicode_text(sdk):
    """a job whose name is 构建任务 «Zoë» 🚀, from upstream and from memory"""
    name = "构建任务 «Zoë» 🚀"
    body = gateway.sample("success-normalised.json")
    body["result"]["job_name"] = name
    with gateway.origin(body) as upstream, gateway.Gateway(upstream.url) as running:
        client = sdk.client(running.url)
        for _ in range(2):
            equal("the name", client.show(DOCUMENTED).job_name, name)
        equal("what upstream was asked", upstream.asked, [f"/v1/job/{DOCUMENTED}/info"])
    return "the job, exactly"


def missing_job(sdk):
    """a job that does not exist (upstream: 422)"""
    with gateway.Gateway() as running:
        return str(sdk.client(running.url).refusal(MISSING).expect(404, "DEVCB.00031006"))


def own_request_id(sdk):
    """an error, the client having sent no `X-Request-Id`"""
    with gateway.Gateway() as running:
        told = sdk.client(running.url).told("abc")
        line = running.access_line(told["request_id"])
    equal("status and code in the log", (line["status"], line["error.code"]), (400, "JG.4001"))
    return "the id that is in the gateway's log"


def bad_ids(sdk):
    """ids that cannot be: too short, too long, not ASCII, a hyphen, percent signs"""
    for job_id in ["abc", LIVING + "6", "é" * 32, LIVING[:-1] + "-", "%" * 32]:
        refusal, _ = bad_id(sdk, job_id, 400, "JG.4001")
    return str(refusal)


def bad_id(sdk, job_id, status, code):
    """The refusal of an id, and the path by which the SDK asked. Nothing goes upstream."""
    with gateway.origin({}) as upstream, gateway.Gateway(upstream.url) as running, relay.to(running.url) as between:
        refusal = sdk.client(between.url).refusal(job_id).expect(status, code)
        equal("what upstream was asked", upstream.asked, [])
    (path,) = between.seen
    return refusal, f"{refusal}, asked for at `{path}`"


def dots(sdk):
    """the id `..`"""
    return bad_id(sdk, "..", *{"Go": (400, "JG.4001")}.get(sdk.language, (404, "JG.4041")))[1]


def slash(sdk):
    """the id `a/b`"""
    return bad_id(sdk, "a/b", 400, "JG.4001")[1]


def no_id(sdk):
    """no id at all"""
    if sdk.language != "Java":
        return bad_id(sdk, None, 400, "JG.4001")[1]
    with gateway.Gateway() as running:
        failed = sdk.client(running.url).failure(None)
        equal("connections", running.metric("jobgate_connections_accepted_total"), 0)
    return f"`{failed}`, before anything is sent"


def one_connection(sdk):
    """200 calls, over one connection and for one upstream call"""
    with gateway.Gateway() as running:
        client = sdk.client(running.url)
        for _ in range(CALLS):
            client.show(DOCUMENTED)
        equal("connections", running.metric("jobgate_connections_accepted_total"), 1)
        equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 1)
    return "the job"


def idle_connection(sdk):
    """a call after a pause longer than `header_timeout`, over the same connection"""
    with gateway.Gateway(server='header_timeout = "500ms"') as running:
        client = sdk.client(running.url)
        client.show(DOCUMENTED)
        time.sleep(2)  # the silence is what is tested: nothing is waited for
        client.show(DOCUMENTED)
        equal("connections", running.metric("jobgate_connections_accepted_total"), 1)
    return "the job"


def closed_connection(sdk):
    """a call after the gateway closed the idle connection, over a new one"""
    with gateway.Gateway(server='idle_timeout = "200ms"') as running:
        client = sdk.client(running.url)
        client.show(DOCUMENTED)
        running.until("jobgate_connections", 0)
        client.show(DOCUMENTED)
        equal("connections", running.metric("jobgate_connections_accepted_total"), 2)
    return "the job"
