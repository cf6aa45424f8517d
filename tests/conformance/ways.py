"""How a client finds its way to the gateway: told in its code, or by nothing but environment variables.

Everybody may ask, so that nothing but the way is tested.
"""

import gateway
import relay
import tls
from jobs import DOCUMENTED
from sdk import equal

REGION = "HUAWEICLOUD_SDK_REGION_CODEARTSBUILD_CN_NORTH_4"
IAM = "HUAWEICLOUD_SDK_IAM_ENDPOINT"
KEYS = {"HUAWEICLOUD_SDK_AK": "AKOFACLIENT", "HUAWEICLOUD_SDK_SK": "sk-of-a-client"}
PROJECT = {"HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef0123456789abcdef"}


def run(report, section, sdks):
    with tls.authority() as authority:
        for case in [endpoint, slash, base_path]:
            report.run(section, case.__doc__, case, sdks)
        for case in [trusted, unchecked, untrusted]:
            report.run(section, case.__doc__, lambda sdk, case=case: case(sdk, authority), sdks)
        report.run(section, region.__doc__, region, sdks)
        report.run(section, region_alone_over_tls.__doc__, lambda sdk: region_alone_over_tls(sdk, authority), sdks)
        report.run(section, region_alone.__doc__, region_alone, sdks)


def the_job(client):
    equal("the job", client.show(DOCUMENTED).id, DOCUMENTED)
    return "the job"


def endpoint(sdk):
    """the gateway as endpoint"""
    with gateway.Gateway() as running:
        return the_job(sdk.client(running.url))


def slash(sdk):
    """an endpoint that ends in a slash"""
    with gateway.Gateway() as running, relay.to(running.url) as between:
        the_job(sdk.client(between.url + "/"))
    return f"the job, asked for at `{shown(between)}`"


def base_path(sdk):
    """an endpoint with a path, `/builds`, which is also `server.base_path`"""
    with gateway.Gateway(server='base_path = "/builds"') as running, relay.to(running.url) as between:
        the_job(sdk.client(between.url + "/builds"))
    return f"the job, asked for at `{shown(between)}`"


def shown(between):
    """The path on the wire."""
    (path,) = between.seen
    return path.replace(f"{DOCUMENTED}/info", "…")


def trusted(sdk, authority):
    """an `https://` endpoint, its own authority trusted by the environment"""
    with gateway.Gateway(server=authority.server) as running, sdk.again(authority.trusted[sdk.language]) as other:
        return the_job(other.client(running.url))


def unchecked(sdk, authority):
    """an `https://` endpoint, the SDK told to check no certificate"""
    with gateway.Gateway(server=authority.server) as running:
        return the_job(sdk.client(running.url, ignore_tls=True))


def untrusted(sdk, authority):
    """an `https://` endpoint whose authority nobody trusts"""
    with gateway.Gateway(server=authority.server) as running:
        failed = sdk.client(running.url).failure(DOCUMENTED)
        equal("upstream calls", running.metric("jobgate_upstream_calls_total"), 0)
    return f"`{failed}`"


def region(sdk):
    """no change of code: region, keys and project id from the environment"""
    with gateway.Gateway() as running, sdk.again({REGION: running.url, **KEYS, **PROJECT}) as other:
        return the_job(other.client_of_region())


def region_alone(sdk):
    """the same over plain `http://`"""
    with gateway.Gateway() as running:
        environment = {REGION: running.url, IAM: running.url, **KEYS}
        with sdk.again(environment) as other:
            if sdk.language != "Go":
                return the_job(other.client_of_region())
            told = other.client_of_region().told(DOCUMENTED)
    if "server gave HTTP response to HTTPS client" not in told.get("text", ""):
        raise AssertionError(f"not the known failure, but {told}")
    return "fails: it insists on `https://`"


def region_alone_over_tls(sdk, authority):
    """no change of code, no project id: the gateway is the IAM endpoint, too"""
    with gateway.Gateway(server=authority.server) as running:
        environment = {REGION: running.url, IAM: running.url, **KEYS}
        with sdk.again(environment | authority.trusted[sdk.language]) as other:
            return the_job(other.client_of_region())
