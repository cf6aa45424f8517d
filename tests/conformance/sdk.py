"""The three official SDKs as their users set them up, and what must hold of everything they say.

Each SDK, unmodified, sits in a small program of its own below tests/sdk. Calls go in and results come out as lines of JSON:

    in   {"client": {"access_key": …, "secret_key": …, "project_id": …, "endpoint": …, "region": …, "ignore_tls": …},
          "job_id": … or null, "headers": {…}}
         What `client` does not name is not set in code. The same `client` again is the same object in the program.
    out  {"status_code": 200, "answer": {"result": {…}, "status": …, "error": …}}
         {"class": …, "status_code": …, "error_code": …, "error_msg": …, "request_id": …, "encoded_authorization_message": …}
         {"class": …, "text": …}                       whatever else the SDK raised
"""

import json
import os
import re
import subprocess
import threading
import types
import uuid

import gateway

LANGUAGES = ["Python", "Java", "Go"]

# The 22 fields of a job, in the types of the SDKs' models: Python's `int` stands for Long, int64 and (health_score) int32.
FIELDS = {
    "id": str, "project_id": str, "project_permission_switch": bool, "build_time": str, "charge_time": str, "create_time": int,
    "disabled": bool, "favorite": bool, "source_code": str, "running_status": str, "new_build": bool, "job_name": str,
    "is_copy": bool, "is_delete": bool, "is_execute": bool, "is_forbidden": bool, "is_manager": bool, "is_modify": bool,
    "is_view": bool, "last_build_status": str, "last_build_time": int, "health_score": int,
}  # fmt: skip

# Of a client that has no key of the gateway's: any pair will do for the SDK.
ANY_KEYS = {"access_key": "AKOFACLIENT", "secret_key": "sk-of-a-client", "project_id": "0123456789abcdef0123456789abcdef"}

# The central credential, and what speaks of its user or of upstream's hosts in the recorded texts.
PRIVATE = re.compile("|".join([*gateway.CENTRAL, "jobgate-sandbox-token", "AKEXAMPLE", "XXXXXXXX", "myhuaweicloud"]))

# More than any SDK waits for an answer.
PATIENCE_S = 150


class Sdk:
    """One process with an SDK in it. `with` ends it."""

    def __init__(self, language, workplace, environment=None):
        """`workplace`: where scripts/conformance has put the programs."""
        self.language, self._workplace = language, workplace
        # Nothing of the caller's environment: no proxy, and no region file in a home directory.
        minimal = {"PATH": os.environ["PATH"], "HOME": str(workplace)}
        self._process = subprocess.Popen(
            [workplace / f"sdk-{language.lower()}"],
            env=minimal | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the SDKs' own logs
            encoding="utf-8",
        )

    def again(self, environment):
        """The same SDK in a process of its own, with these environment variables."""
        return Sdk(self.language, self._workplace, environment)

    def client(self, endpoint=None, **said):
        """A client set up in code, with keys that mean nothing unless others are `said`."""
        return Client(self, ANY_KEYS | said | ({"endpoint": endpoint} if endpoint else {}))

    def client_of_region(self):
        """A client built from a region alone, as the vendor's samples do: all the rest is in environment variables."""
        return Client(self, {"region": "cn-north-4"})

    def call(self, call):
        watchdog = threading.Timer(PATIENCE_S, self._process.kill)
        watchdog.start()
        try:
            print(json.dumps(call), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise RuntimeError(f"the program of the {self.language} SDK has ended")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


class Client:
    """A client of an SDK, set up in one way. Extra headers go as arguments: `X_Api_Key` is sent as `X-Api-Key`."""

    def __init__(self, sdk, described):
        self._sdk, self._described = sdk, described

    def told(self, job_id, **headers):
        """What came of a call, whatever it is."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._sdk.call({"client": self._described, "job_id": job_id, "headers": headers})

    def show(self, job_id, **headers):
        """The job of a call, which must succeed: all fields, each None or of exactly its type."""
        told = self.told(job_id, **headers)
        if "answer" not in told:
            raise AssertionError(f"no answer, but {told}")
        answer = told["answer"]
        equal("status code, status and error", (told["status_code"], answer["status"], answer.get("error")), (200, "success", None))
        equal("fields that no model has", set(answer["result"]) - set(FIELDS), set())
        job = {field: answer["result"].get(field) for field in FIELDS}  # Go leaves out what is null
        for field, value in job.items():
            if value is not None:
                equal(f"the type of {field}", type(value), FIELDS[field])
        return types.SimpleNamespace(**job)

    def refusal(self, job_id, **headers):
        """The error of a call, which the gateway must refuse. The call carries an id, which the error must carry too."""
        request_id = f"conformance-{uuid.uuid4().hex}"
        told = self.told(job_id, X_Request_Id=request_id, **headers)
        if "status_code" not in told or "answer" in told:
            raise AssertionError(f"not refused by the gateway, but {told}")
        refusal = Refusal(self._sdk.language, told)
        refusal.check(request_id)
        return refusal

    def failure(self, job_id, **headers):
        """The class of the error of a call on which the SDK gives up without the gateway's word."""
        told = self.told(job_id, **headers)
        if "text" not in told:
            raise AssertionError(f"no failure of the SDK's own, but {told}")
        return told["class"]


class Refusal:
    """An error of the gateway, as the SDK shows it."""

    def __init__(self, language, told):
        self.language = language
        self.error_class, self.status, self.code = told["class"], told["status_code"], told["error_code"]
        self.text, self.request_id = told["error_msg"], told["request_id"]
        self.encoded_authorization_message = told["encoded_authorization_message"]

    @property
    def loses_body(self):
        """The HTTP library under the Python SDK gives up on a 429 before the SDK reads it: code, text and id are lost."""
        return self.language == "Python" and self.status == 429

    def check(self, request_id):
        kind = "ClientRequestException" if self.status < 500 else "ServerResponseException"
        equal("the class", self.error_class, "ServiceResponseError" if self.language == "Go" else kind)
        equal("the request id", self.request_id, "" if self.loses_body else request_id)
        if self.encoded_authorization_message:
            raise AssertionError(f"passes on the encoded authorization message: {vars(self)}")
        if not isinstance(self.text, str) or not self.text.strip():
            raise AssertionError(f"no text: {vars(self)}")
        if PRIVATE.search(json.dumps(vars(self), ensure_ascii=False)):
            raise AssertionError(f"tells of the central credential: {vars(self)}")

    def expect(self, status, code):
        """Compares; an SDK that loses the body must show it in the way that is known."""
        equal("status and code", (self.status, self.code), (status, "429" if self.loses_body else code))
        return self

    def __str__(self):
        return f"{self.status}, the code is lost" if self.loses_body else f"{self.status} `{self.code}`"


def equal(what, seen, expected):
    if seen != expected:
        raise AssertionError(f"{what}: {seen!r}, not {expected!r}")
