"""The official SDK as its users set it up, and what must hold of everything it says."""

import re
import uuid

from huaweicloudsdkcodeartsbuild.v3 import CodeArtsBuildClient, ShowJobInfoRequest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServerResponseException

import gateway

# The central credential, and what speaks of its user or of upstream's hosts in the recorded texts.
PRIVATE = re.compile("|".join([*gateway.CENTRAL, "jobgate-sandbox-token", "AKEXAMPLE", "XXXXXXXX", "myhuaweicloud"]))


def client(url):
    """A client set up in code: any access key will do for the SDK, the gateway drops the signature."""
    credentials = BasicCredentials("AKOFACLIENT", "sk-of-a-client", "0123456789abcdef0123456789abcdef")
    return CodeArtsBuildClient.new_builder().with_credentials(credentials).with_endpoint(url).build()


def show(sdk, job_id, **headers):
    """One call, with extra headers if given (`X_Api_Key` is sent as `X-Api-Key`)."""
    invoker = sdk.show_job_info_invoker(ShowJobInfoRequest(job_id=job_id))
    for name, value in headers.items():
        invoker = invoker.add_header(name.replace("_", "-"), value)
    return invoker.invoke()


def refusal(sdk, job_id, **headers):
    """The exception of a call, which must fail. The call carries an id, which the exception must carry too."""
    request_id = f"conformance-{uuid.uuid4().hex}"
    try:
        answer = show(sdk, job_id, X_Request_Id=request_id, **headers)
    except (ClientRequestException, ServerResponseException) as error:
        check_refusal(error, request_id)
        return error
    raise AssertionError(f"no exception, but {answer}")


def check_refusal(error, request_id):
    expected = ClientRequestException if error.status_code < 500 else ServerResponseException
    equal("the class", type(error), expected)
    if PRIVATE.search(str(error)):
        raise AssertionError(f"tells of the central credential: {error}")
    if error.encoded_auth_msg:
        raise AssertionError(f"passes on the encoded authorization message: {error}")
    if not isinstance(error.error_msg, str) or not error.error_msg.strip():
        raise AssertionError(f"no text: {error}")
    if error.status_code == 429:
        # The HTTP library under the SDK gives up on a 429 before the SDK reads it: code, text and id are lost.
        equal("the code", error.error_code, "429")
        equal("the request id", error.request_id, "")
        return
    equal("the request id", error.request_id, request_id)


def told(error):
    """An exception in the words of the README."""
    if error.status_code == 429:
        return f"`{type(error).__name__}` 429; the SDK itself loses code, text and request id"
    return f"`{type(error).__name__}` {error.status_code} `{error.error_code}`: {error.error_msg}"


def equal(what, seen, expected):
    if seen != expected:
        raise AssertionError(f"{what} is {seen!r}, not {expected!r}")


def check_types(result):
    """Every field that is there has exactly the type of the SDK's model: the SDK itself converts what it can."""
    types = {"str": str, "bool": bool, "int": int}
    for field, type_name in type(result).openapi_types.items():
        value = getattr(result, field)
        if value is not None:
            equal(f"the type of {field}", type(value), types[type_name])
