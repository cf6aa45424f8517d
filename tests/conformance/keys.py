"""Client keys: how an SDK that signs anyway presents the key it was given."""

import gateway
import sdk
from jobs import DOCUMENTED


def run(report, section):
    key, lines = gateway.new_key("conformance")
    cases = [
        ("`X-Api-Key` as an extra header", {"X_Api_Key": key}),
        ("`X-Auth-Token` as an extra header", {"X_Auth_Token": key}),
        ("`Authorization: Bearer` as an extra header: the SDK then does not sign", {"Authorization": f"Bearer {key}"}),
        ("the right `X-Api-Key`, a wrong `X-Auth-Token`: the first decides", {"X_Api_Key": key, "X_Auth_Token": "no"}),
    ]
    for title, headers in cases:
        report.run(section, title, lambda headers=headers: admitted(lines, headers))
    refused = [
        ("a wrong key", {"X_Api_Key": key[:-1] + ("0" if key[-1] != "0" else "1")}, "JG.4011"),
        ("a wrong `X-Api-Key`, the right `X-Auth-Token`", {"X_Api_Key": "no", "X_Auth_Token": key}, "JG.4011"),
        ("a cloud token in place of a key", {"X_Auth_Token": "MII" + "x" * 4000}, "JG.4011"),
        ("no key, only the SDK's own signature", {}, "JG.4012"),
    ]
    for title, headers, code in refused:
        report.run(section, title, lambda headers=headers, code=code: turned_away(lines, headers, code))


def secrets(headers):
    """What of these headers nobody may find in a log."""
    return [value.removeprefix("Bearer ") for value in headers.values() if len(value) > 8]


def admitted(lines, headers):
    with gateway.Gateway(auth="keys", rest=lines, secrets=secrets(headers)) as running:
        sdk.equal("the status", sdk.show(sdk.client(running.url), DOCUMENTED, **headers).status, "success")
    return "the job"


def turned_away(lines, headers, code):
    with gateway.Gateway(auth="keys", rest=lines, secrets=secrets(headers)) as running:
        error = sdk.refusal(sdk.client(running.url), DOCUMENTED, **headers)
        sdk.equal("status and code", (error.status_code, error.error_code), (401, code))
        sdk.equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 0)
        if any(secret in str(error) for secret in secrets(headers)):
            raise AssertionError("the key is in the answer")
    return sdk.told(error)
