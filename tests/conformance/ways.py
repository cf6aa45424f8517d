"""How a client finds its way to the gateway: told in its code, or by nothing but environment variables.

Each client signs with a virtual AK/SK, which names it: a way on which the signature does not hold is none.
"""

import relay
import tls
from jobs import DOCUMENTED
from keys import NAME, SECRET, virtual, with_keys
from sdk import equal

REGION = "HUAWEICLOUD_SDK_REGION_CODEARTSBUILD_CN_NORTH_4"
IAM = "HUAWEICLOUD_SDK_IAM_ENDPOINT"
KEYS = {"HUAWEICLOUD_SDK_AK": NAME, "HUAWEICLOUD_SDK_SK": SECRET}
PROJECT = {"HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef"}


def run(report, section, sdks):
    for case in [endpoint, slash, base_path, region, region_alone]:
        report.run(section, case.__doc__, case, sdks)
    with tls.authority() as authority:
        for case in [region_alone_over_tls, trusted, unchecked, untrusted]:
            report.run(section, case.__doc__, lambda sdk, case=case: case(sdk, authority), sdks)


def the_job(client):
    equal("the job", client.show(DOCUMENTED).id, DOCUMENTED)
    return "the job"


def endpoint(sdk):
    """the gateway as endpoint, set in the program"""
    with virtual() as running:
        return the_job(with_keys(sdk, running.url))


def slash(sdk):
    """an endpoint that ends in a slash"""
    with virtual() as running, relay.to(running.url) as between:
        the_job(with_keys(sdk, between.url + "/"))
    return f"the job, asked for at `{shown(between)}`"


def base_path(sdk):
    """an endpoint with a path, `/builds`, which is also `server.base_path`"""
    with virtual(server='base_path = "/builds"') as running, relay.to(running.url) as between:
        the_job(with_keys(sdk, between.url + "/builds"))
    return f"the job, asked for at `{shown(between)}`"


def shown(between):
    """The path on the wire."""
    (path,) = between.seen
    return path.replace(f"{DOCUMENTED}/info", "…")


def region(sdk):
    """a program that names a region: endpoint, keys and project id from the environment"""
    with virtual() as running, sdk.again({REGION: running.url, **KEYS, **PROJECT}) as other:
        return the_job(other.client_of_region())


def region_alone(sdk):
    """the same without a project id: the gateway is the IAM endpoint, too"""
    with virtual() as running, sdk.again({REGION: running.url, IAM: running.url, **KEYS}) as other:
        if sdk.language != "Go":
            return the_job(other.client_of_region())
        told = other.client_of_region().told(DOCUMENTED)
    if "https://http/v3/projects" not in told.get("text", ""):  # it puts its own before whatever is there
        raise AssertionError(f"not the known failure, but {told}")
    return "fails: Go insists on `https://` there"


def region_alone_over_tls(sdk, authority):
    """the same over `https://`, the gateway's own authority trusted by the environment"""
    with virtual(server=authority.server) as running:
        environment = {REGION: running.url, IAM: running.url, **KEYS}
        with sdk.again(environment | authority.trusted[sdk.language]) as other:
            return the_job(other.client_of_region())


def trusted(sdk, authority):
    """an `https://` endpoint, its own authority trusted by the environment"""
    with virtual(server=authority.server) as running, sdk.again(authority.trusted[sdk.language]) as other:
        return the_job(with_keys(other, running.url))


def unchecked(sdk, authority):
    """an `https://` endpoint, the SDK told to check no certificate"""
    with virtual(server=authority.server) as running:
        return the_job(with_keys(sdk, running.url, ignore_tls=True))


def untrusted(sdk, authority):
    """an `https://` endpoint whose authority nobody trusts"""
    with virtual(server=authority.server) as running:
        failed = with_keys(sdk, running.url).failure(DOCUMENTED)
        equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 0)
    return f"`{failed}`"
