"""Every recorded answer of the sandbox, as the SDK sees it through the gateway.

The table is held against docs/sandbox.md: an example without a row here is a failure, not a gap.
"""

import re

import gateway
import sdk

# job id without its zeros: status and code that the SDK must see
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
    "error429user": (429, "429"),
    "error429api": (429, "429"),
    "error500internal": (500, "CB.00060101"),
    "error500busy": (500, "CB.00060100"),
    "error500toomany": (429, "429"),
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
HOLDS = {"JG.5022": (503, "JG.5033"), "429": (429, "429")}


def padded(name):
    return name.ljust(32, "0")


def run(report, section):
    page = (gateway.ROOT / "docs/sandbox.md").read_text()
    rows = dict(re.findall(r"^\| `(\w{32})` \| \d+ \| (.*) \|$", page, re.MULTILINE))
    report.run(section, "the list of examples", lambda: complete(rows))
    for name in EXPECTED:
        about = rows.get(padded(name), "not in docs/sandbox.md")
        report.run(section, f"`{name}`: {about}", lambda name=name: one(name))


def complete(rows):
    tested = {padded(name) for name in [*EXPECTED, *SUCCESSES]}
    sdk.equal("the set of examples without a case", set(rows) - tested, set())
    sdk.equal("the set of cases without an example", tested - set(rows), set())
    return f"all {len(rows)} examples of docs/sandbox.md have a case"


def one(name):
    """A gateway for each, because some of these answers make it hold its calls."""
    with gateway.Gateway() as running:
        client = sdk.client(running.url)
        error = sdk.refusal(client, padded(name))
        sdk.equal("status and code", (error.status_code, error.error_code), EXPECTED[name])
        if name in TEXTS:
            sdk.equal("the text", error.error_msg, TEXTS[name])
        calls = running.metric("jobgate_upstream_calls_total")
        if error.error_code not in HOLDS:
            return sdk.told(error)
        sdk.equal("calls of a failure that must not be repeated", calls, 1)
        after = sdk.refusal(client, "afterthehold00000000000000000000")
        sdk.equal("status and code in the hold", (after.status_code, after.error_code), HOLDS[error.error_code])
        sdk.equal("calls in the hold", running.metric("jobgate_upstream_calls_total"), calls)
        return sdk.told(error) + f"; while the gateway then holds its calls, other jobs: {told_short(after)}"


def told_short(error):
    return f"{error.status_code}" if error.status_code == 429 else f"{error.status_code} `{error.error_code}`"
