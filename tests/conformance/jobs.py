"""Jobs that are there, ids that cannot be, and how the SDK finds and keeps its way to the gateway."""

import json
import os
import subprocess
import time
import urllib.request
from unittest import mock

from huaweicloudsdkcodeartsbuild.v3 import CodeArtsBuildClient, ShowJobInfoRequest, ShowJobInfoResult
from huaweicloudsdkcodeartsbuild.v3.region.codeartsbuild_region import CodeArtsBuildRegion

import errors
import gateway
import sdk

DOCUMENTED = "f5af662119404ad187437cd272b5099b"
LIVING = "abcdefghijklmnopqrstuvwxyz012345"
MISSING = "missing0000000000000000000000000"
CALLS = 200


def run(report, section):
    for case in [
        living, recorded, exact_on_the_wire, unicode_text, missing_job, bad_ids, one_connection, idle_connection,
        closed_connection, region_by_environment, plain_curl,
    ]:  # fmt: skip
        report.run(section, case.__doc__, case)


def living():
    """a job of the sandbox"""
    with gateway.Gateway() as running:
        answer = sdk.show(sdk.client(running.url), LIVING)
    sdk.equal("status and error", (answer.status, answer.error), ("success", None))
    sdk.equal("the id", answer.result.id, LIVING)
    sdk.check_types(answer.result)
    unset = [field for field in answer.result.openapi_types if getattr(answer.result, field) is None]
    sdk.equal("the fields that are not set", unset, [])
    return f"`ShowJobInfoResponse`, all {len(answer.result.openapi_types)} fields set, in the types of the SDK's model"


def recorded():
    """the recorded successes, after a job that lives"""
    with gateway.Gateway() as running:
        client = sdk.client(running.url)
        sdk.show(client, LIVING)
        documented, normalised, nulls, missing = [
            sdk.show(client, errors.padded(name)).result for name in errors.SUCCESSES
        ]
        for result in (documented, normalised, nulls, missing):
            sdk.check_types(result)
    sdk.equal("create_time", documented.create_time, 1717574458000)
    sdk.equal("last_build_time, beyond 32 bits", documented.last_build_time, 1721793407000)
    sdk.equal("build_time, digit for digit", documented.build_time, "27.51")
    sdk.equal("build_time of a job never built", nulls.build_time, None)
    sdk.equal("a field that is absent", missing.health_score, None)
    return "the same; `create_time` an integer also where upstream sends a string; null and absent fields are `None`"


def exact_on_the_wire():
    """the types before the SDK converts them"""
    exact = {"str": str, "bool": bool, "int": int}
    with gateway.Gateway() as running:
        answer = urllib.request.urlopen(f"{running.url}/v1/job/{DOCUMENTED}/info", timeout=10)
        sdk.equal("the content type", answer.headers["Content-Type"], "application/json;charset=UTF-8")
        result = json.load(answer)["result"]
    for field, value in result.items():
        sdk.equal(f"the type of {field}", type(value), exact[ShowJobInfoResult.openapi_types[field]])
    return "exactly those of the model: what the stricter Java and Go SDKs ask for"


def unicode_text():
    """a job whose name is 构建任务 «Zoë» 🚀"""
    name = "构建任务 «Zoë» 🚀"
    body = gateway.sample("success-normalised.json")
    body["result"]["job_name"] = name
    with gateway.origin(body) as upstream, gateway.Gateway(upstream.url) as running:
        client = sdk.client(running.url)
        for _ in range(2):  # from upstream, and from memory
            sdk.equal("the name", sdk.show(client, DOCUMENTED).result.job_name, name)
        sdk.equal("what upstream was asked", upstream.asked, [f"/v1/job/{DOCUMENTED}/info"])
    return "the name, letter for letter"


def missing_job():
    """a job that does not exist (upstream: 422)"""
    with gateway.Gateway() as running:
        error = sdk.refusal(sdk.client(running.url), MISSING)
    sdk.equal("status and code", (error.status_code, error.error_code), (404, "DEVCB.00031006"))
    return sdk.told(error)


def bad_ids():
    """ids that cannot be: too short, too long, not ASCII, a slash, none at all, `..`"""
    ids = ["abc", LIVING + "6", "é" * 32, "a/b", LIVING[:-1] + "-", "%" * 32, None]
    with gateway.origin({}) as upstream, gateway.Gateway(upstream.url) as running:
        client = sdk.client(running.url)
        for job_id in ids:
            error = sdk.refusal(client, job_id)
            sdk.equal(f"status and code of {job_id!r}", (error.status_code, error.error_code), (400, "JG.4001"))
        dots = sdk.refusal(client, "..")  # the SDK shortens the path to /v1/info
        sdk.equal("status and code of '..'", (dots.status_code, dots.error_code), (404, "JG.4041"))
        sdk.equal("what upstream was asked", upstream.asked, [])
    return f"{sdk.told(error)} (`..`: 404 `JG.4041`, since the SDK shortens the path); no upstream call"


def one_connection():
    """200 calls"""
    with gateway.Gateway() as running:
        client = sdk.client(running.url)
        for _ in range(CALLS):
            sdk.equal("the status", sdk.show(client, DOCUMENTED).status, "success")
        sdk.equal("connections", running.metric("jobgate_connections_accepted_total"), 1)
        sdk.equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 1)
    return f"{CALLS} answers over one connection, for one upstream call"


def idle_connection():
    """a call after a pause, the time for a request head being shorter than the pause"""
    with gateway.Gateway(server='header_timeout = "500ms"') as running:
        client = sdk.client(running.url)
        sdk.show(client, DOCUMENTED)
        time.sleep(2)  # the silence is what is tested: nothing is waited for
        sdk.show(client, DOCUMENTED)
        sdk.equal("connections", running.metric("jobgate_connections_accepted_total"), 1)
    return "an answer over the same connection"


def closed_connection():
    """a call after the gateway closed the idle connection"""
    with gateway.Gateway(server='idle_timeout = "200ms"') as running:
        client = sdk.client(running.url)
        sdk.show(client, DOCUMENTED)
        running.until("jobgate_connections", 0)
        sdk.show(client, DOCUMENTED)
        sdk.equal("connections", running.metric("jobgate_connections_accepted_total"), 2)
    return "an answer over a new connection, no exception"


def region_by_environment():
    """a client built from a region alone, its address and keys from environment variables"""
    with gateway.Gateway() as running:
        environment = {
            "HUAWEICLOUD_SDK_REGION_CODEARTSBUILD_CN_NORTH_4": running.url,
            "HUAWEICLOUD_SDK_AK": "AKOFACLIENT",
            "HUAWEICLOUD_SDK_SK": "sk-of-a-client",
            "HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef",
        }
        with mock.patch.dict(os.environ, environment):
            region = CodeArtsBuildRegion.value_of("cn-north-4")
            client = CodeArtsBuildClient.new_builder().with_region(region).build()
        answer = client.show_job_info(ShowJobInfoRequest(job_id=DOCUMENTED))
        sdk.equal("the status", answer.status, "success")
        sdk.equal("connections", running.metric("jobgate_connections_accepted_total"), 1)
    return "the job, without a change to the program"


def plain_curl():
    """plain `curl`, twice"""
    with gateway.Gateway() as running:
        url = f"{running.url}/v1/job/{DOCUMENTED}/info"
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--dump-header", "-", url]
        first, second = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    for said, status in [(first, "jobgate; fwd=uri-miss; stored"), (second, "jobgate; hit")]:
        if f"cache-status: {status}" not in said.lower():
            raise AssertionError(f"no Cache-Status {status!r} in {said}")
    sdk.equal("the body", second.rpartition("\n\n")[2], first.rpartition("\n\n")[2])
    return "the same body; `Cache-Status` tells that the first was fetched and the second was a hit"
