"""Client keys: a key of the gateway's in a header, or a virtual AK/SK with which an SDK's own signature names the client."""

import datetime

import gateway
import relay
from jobs import DOCUMENTED
from sdk import equal

NAME = "ide-plugin"
SECRET = "conformance-secret-of-a-virtual-client"
VIRTUAL = f"""
[[clients]]
name = "{NAME}"
secret_env = "CONFORMANCE_VIRTUAL_SK"
"""


def run(report, section, sdks):
    key, lines = gateway.new_key("conformance")
    admitted = [
        ("`X-Api-Key` as an extra header", {"X_Api_Key": key}),
        ("`X-Auth-Token` as an extra header", {"X_Auth_Token": key}),
        ("`Authorization: Bearer` as an extra header: the SDK then does not sign", {"Authorization": f"Bearer {key}"}),
        ("the right `X-Api-Key`, a wrong `X-Auth-Token`: the first decides", {"X_Api_Key": key, "X_Auth_Token": "no"}),
    ]
    for title, headers in admitted:
        report.run(section, title, lambda sdk, headers=headers: admit(sdk, lines, headers), sdks)
    refused = [
        ("a wrong key", {"X_Api_Key": key[:-1] + ("0" if key[-1] != "0" else "1")}, "JG.4011"),
        ("a wrong `X-Api-Key`, the right `X-Auth-Token`", {"X_Api_Key": "no", "X_Auth_Token": key}, "JG.4011"),
        ("a cloud token in place of a key", {"X_Auth_Token": "MII" + "x" * 4000}, "JG.4011"),
        ("no key, only a signature with keys that are nobody's", {}, "JG.4012"),
    ]
    for title, headers, code in refused:
        report.run(section, title, lambda sdk, headers=headers, code=code: refuse(sdk, lines, headers, code), sdks)
    for case in [
        right, wrong_secret, unknown_access_key, empty_signature, changed_path, changed_header, dropped_header,
        clock_behind, clock_ahead, clock_in_time,
    ]:  # fmt: skip
        report.run(section, case.__doc__, case, sdks)


def secrets(headers):
    """What of these headers nobody may find in a log."""
    return [value.removeprefix("Bearer ") for value in headers.values() if len(value) > 8]


def admit(sdk, lines, headers):
    with gateway.Gateway(auth="keys", rest=lines, secrets=secrets(headers)) as running:
        equal("the job", sdk.client(running.url).show(DOCUMENTED, **headers).id, DOCUMENTED)
    return "the job"


def refuse(sdk, lines, headers, code):
    with gateway.Gateway(auth="keys", rest=lines, secrets=secrets(headers)) as running:
        refusal = sdk.client(running.url).refusal(DOCUMENTED, **headers).expect(401, code)
        equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 0)
        if any(secret in refusal.text for secret in secrets(headers)):
            raise AssertionError("the key is in the answer")
    return str(refusal)


def virtual(server=""):
    """A gateway that knows one client, by its virtual AK/SK."""
    return gateway.Gateway(auth="keys", server=server, rest=VIRTUAL, environment={"CONFORMANCE_VIRTUAL_SK": SECRET})


def with_keys(sdk, url, access_key=NAME, secret_key=SECRET, **said):
    return sdk.client(url, access_key=access_key, secret_key=secret_key, **said)


def right(sdk):
    """a virtual AK/SK: the client's name and its own secret"""
    with virtual() as running:
        equal("the job", with_keys(sdk, running.url).show(DOCUMENTED, X_Request_Id="named").id, DOCUMENTED)
        equal("who asked, by the log", running.access_line("named")["client"], NAME)
    return "the job"


def turned_away(running, client, code, **headers):
    refusal = client.refusal(DOCUMENTED, **headers).expect(401, code)
    equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 0)
    if SECRET in refusal.text:
        raise AssertionError("the secret is in the answer")
    return str(refusal)


def wrong_secret(sdk):
    """a virtual AK with a wrong secret"""
    with virtual() as running:
        return turned_away(running, with_keys(sdk, running.url, secret_key=SECRET + "x"), "JG.4012")


def unknown_access_key(sdk):
    """an AK that is no client's, with the secret of one"""
    with virtual() as running:
        return turned_away(running, with_keys(sdk, running.url, access_key="nobody"), "JG.4012")


def empty_signature(sdk):
    """a virtual AK, its signature forged by hand as empty"""
    forged = f"SDK-HMAC-SHA256 Access={NAME}, SignedHeaders=host;x-sdk-date, Signature="
    with virtual() as running:
        client = with_keys(sdk, running.url)
        return turned_away(running, client, "JG.4012", Authorization=forged, X_Sdk_Date=sdk_date(0))


def changed_path(sdk):
    """a right signature, but for another job: changed on the way"""
    return changed(sdk, lambda path, headers: (path.replace(DOCUMENTED, "a" * 32), headers))


def changed_header(sdk):
    """a right signature, a signed header changed on the way"""

    def change(path, headers):
        return path, [(name, "1" * 32 if name.lower() == "x-project-id" else value) for name, value in headers]

    return changed(sdk, change)


def dropped_header(sdk):
    """a right signature, a signed header dropped on the way"""
    return changed(sdk, lambda path, headers: (path, [pair for pair in headers if pair[0].lower() != "x-project-id"]))


def changed(sdk, change):
    """The same hop that changes nothing passes, so that it is the change that is refused."""
    with virtual() as running:
        with relay.to(running.url, change) as between:
            refused = turned_away(running, with_keys(sdk, between.url), "JG.4012")
        with relay.to(running.url) as between:
            equal("the job", with_keys(sdk, between.url).show(DOCUMENTED).id, DOCUMENTED)
    return refused


def sdk_date(minutes):
    """A time of signing in an SDK's form, so many minutes from now."""
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return then.strftime("%Y%m%dT%H%M%SZ")


def clock_behind(sdk):
    """a right signature of 16 minutes ago"""
    with virtual() as running:
        return turned_away(running, with_keys(sdk, running.url), "JG.4013", X_Sdk_Date=sdk_date(-16))


def clock_ahead(sdk):
    """a right signature, 16 minutes ahead"""
    with virtual() as running:
        return turned_away(running, with_keys(sdk, running.url), "JG.4013", X_Sdk_Date=sdk_date(16))


def clock_in_time(sdk):
    """a right signature of 14 minutes ago"""
    with virtual() as running:
        equal("the job", with_keys(sdk, running.url).show(DOCUMENTED, X_Sdk_Date=sdk_date(-14)).id, DOCUMENTED)
    return "the job"
