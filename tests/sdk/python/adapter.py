"""The official Python SDK behind the protocol that tests/conformance/sdk.py describes: a call is a line, and so is what came of it.

It knows nothing of the gateway, and judges nothing.
"""

import functools
import json
import sys

from huaweicloudsdkcodeartsbuild.v3 import CodeArtsBuildClient, ShowJobInfoRequest, ShowJobInfoResult
from huaweicloudsdkcodeartsbuild.v3.region.codeartsbuild_region import CodeArtsBuildRegion
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig


@functools.cache  # a client keeps its connections
def client(described):
    said = json.loads(described)
    builder = CodeArtsBuildClient.new_builder()
    if "access_key" in said:
        keys = BasicCredentials(said["access_key"], said["secret_key"], said.get("project_id"))
        builder = builder.with_credentials(keys)
    if "endpoint" in said:
        builder = builder.with_endpoint(said["endpoint"])
    if "region" in said:
        builder = builder.with_region(CodeArtsBuildRegion.value_of(said["region"]))
    if said.get("ignore_tls"):
        config = HttpConfig.get_default_config()
        config.ignore_ssl_verification = True
        builder = builder.with_http_config(config)
    return builder.build()


def show(call):
    built = client(json.dumps(call["client"]))
    invoker = built.show_job_info_invoker(ShowJobInfoRequest(job_id=call["job_id"]))
    for name, value in call["headers"].items():
        invoker = invoker.add_header(name, value)
    answer = invoker.invoke()
    result = answer.result and {field: getattr(answer.result, field) for field in ShowJobInfoResult.openapi_types}
    return {"status_code": answer.status_code, "answer": {"result": result, "status": answer.status, "error": answer.error}}


def refused(error):
    return {
        "class": type(error).__name__,
        "status_code": error.status_code,
        "error_code": error.error_code,
        "error_msg": error.error_msg,
        "request_id": error.request_id,
        "encoded_authorization_message": error.encoded_auth_msg,
    }


for line in sys.stdin:
    try:
        told = show(json.loads(line))
    except ServiceResponseException as error:
        told = refused(error)
    except Exception as error:  # what the SDK raises besides is a result, too
        told = {"class": type(error).__name__, "text": str(error)}
    print(json.dumps(told), flush=True)
