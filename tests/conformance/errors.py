"""Every recorded answer of the sandbox, as the SDKs see it through the gateway.

The table is held against docs/sandbox.md: an example without a row here is a failure, not a gap.
"""

import json
import re

import gateway
import relay
from sdk import equal

# job id without its zeros: status and code that a client must see
EXPECTED = {
    "fail200statusfail": (502, "JG.5024"),
    "fail200nestederror": (502, "DEV.CH.10001"),
    "fail200errorcode": (502, "DEV.CB.032000"),
    "failstringified": (502, "DEV.CB.032302"),
    "error400taskid": (400, "CB.00060201"),
    "error400devcb": (400, "DEV.CB.032011"),
    "error401signature": (502, "JG.5022"),
    "error401akunknown": (502, "JG.5022"),
    "error401aklocked": (502, "JG.5022"),
    "error401tokenexpired": (502, "JG.5022"),
    "error401tokenundecryptable": (502, "JG.5022"),
    "error401iam": (502, "JG.5022"),
    "error403apigw": (502, "JG.5022"),
    "error403build": (403, "CB.00031059"),
    "error403encodedauthorization": (502, "PAP5.0001"),
    "error404apigw": (502, "JG.5025"),
    "error404build": (404, "CB.00060214"),
    "error422notfound": (404, "DEVCB.00031006"),
    "error429user": (429, "APIGW.0308"),
    "error429api": (429, "APIGW.0308"),
    "error500internal": (500, "CB.00060101"),
    "error500busy": (500, "CB.00060100"),
    "error500toomany": (429, "CB.00060211"),
    "error500backend": (500, "CB.00030004"),
    "error502apigw": (502, "APIGW.0201"),
    "error503apigw": (503, "APIGW.0613"),
    "error504apigw": (504, "APIGW.0201"),
    "error502loadbalancer": (502, "JG.5023"),
    "error503empty": (503, "JG.5023"),
    "errorcamelcase": (400, "DEV.CB.032011"),
    "errorcodemessage": (400, "DEV.CB.032011"),
    "errorstringlyfail": (400, "JG.5024"),
}

SUCCESSES = ["f5af662119404ad187437cd272b5099b", "successnormalised", "successnulls", "successmissingandunknown"]

# An answer that was passed on keeps its text, in whatever language.
TEXTS = {
    "error400devcb": "任务id参数不合法",
    "error403build": "任务尚未构建或历史已删除，不存在构建历史",
    "errorcamelcase": "任务id参数不合法",
    "failstringified": "任务状态已刷新,请刷新页面后重试",
}

# After these the gateway makes no calls for a while: what the next client gets, whose job is not stored.
HOLDS = {"JG.5022": (503, "JG.5033"), "APIGW.0308": (429, "JG.4292"), "CB.00060211": (429, "JG.4292")}


def padded(name):
    return name.ljust(32, "0")


def run(report, section, sdks):
    page = (gateway.ROOT / "docs/sandbox.md").read_text()
    rows = dict(re.findall(r"^\| `(\w{32})` \| \d+ \| (.*) \|$", page, re.MULTILINE))
    report.run("documentation", "a case for each example in docs/sandbox.md", lambda: complete(rows))
    for name in EXPECTED:
        about = rows.get(padded(name), "not in docs/sandbox.md")
        report.run(section, f"`{name}`: {about}", lambda sdk, name=name: one(sdk, name), sdks)


def complete(rows):
    tested = {padded(name) for name in [*EXPECTED, *SUCCESSES]}
    equal("the set of examples without a case", set(rows) - tested, set())
    equal("the set of cases without an example", tested - set(rows), set())
    return f"{len(rows)} examples"


def one(sdk, name):
    """A gateway for each, because some of these answers make it hold its calls."""
    with gateway.Gateway() as running, relay.to(running.url) as between:
        client = sdk.client(between.url)
        refusal = client.refusal(padded(name)).expect(*EXPECTED[name])
        as_sent(refusal, *between.answers)
        if name in TEXTS and not refusal.loses_body:
            equal("the text", refusal.text, TEXTS[name])
        code = EXPECTED[name][1]
        if code not in HOLDS:
            return str(refusal)
        calls = running.metric("jobgate_upstream_calls_total")
        equal("calls of a failure that must not be repeated", calls, 1)
        after = client.refusal("afterthehold00000000000000000000").expect(*HOLDS[code])
        equal("calls in the hold", running.metric("jobgate_upstream_calls_total"), calls)
        return f"{refusal}, then {'the same' if str(after) == str(refusal) else after}"


def as_sent(refusal, answer):
    """The SDK shows what is on the wire. (`expect` has seen what an SDK shows that loses the body.)"""
    told = json.loads(answer.body)
    equal("the members", sorted(told), ["error_code", "error_msg", "request_id", "source"])
    equal("the content type", answer.headers["Content-Type"], "application/json;charset=UTF-8")
    equal("the request id in the body", told["request_id"], answer.headers["X-Request-Id"])
    if answer.status == 429 and not int(answer.headers["Retry-After"]) > 0:
        raise AssertionError("no time in Retry-After")
    if not refusal.loses_body:
        seen = (refusal.status, refusal.code, refusal.text, refusal.request_id)
        equal("the error", seen, (answer.status, told["error_code"], told["error_msg"], told["request_id"]))
