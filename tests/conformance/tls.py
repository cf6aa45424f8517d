"""A certificate authority that lives as long as a run, and how each SDK is told to trust it: by its environment, without a word of code."""

import contextlib
import pathlib
import subprocess
import tempfile
import types

PASSWORD = "changeit"  # Java's own default: a trust store holds no secret


@contextlib.contextmanager
def authority():
    """A server certificate for 127.0.0.1, as `[server.tls]`, and for each language the variables that make it trusted."""
    with tempfile.TemporaryDirectory(prefix="jobgate-conformance-tls-") as directory:
        at = pathlib.Path(directory)
        ca, ca_key, cert, key, store = (at / name for name in ["ca.pem", "ca.key", "cert.pem", "key.pem", "trust.p12"])
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        run(*new, "-subj", "/CN=jobgate conformance", "-keyout", ca_key, "-out", ca)
        extensions = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        run(*new, "-subj", "/CN=127.0.0.1", *extensions, "-CA", ca, "-CAkey", ca_key, "-keyout", key, "-out", cert)
        into = ["-keystore", store, "-storetype", "PKCS12", "-storepass", PASSWORD]
        run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", ca, *into)
        yield types.SimpleNamespace(
            server=f'tls = {{ cert_file = "{cert}", key_file = "{key}" }}',
            trusted={
                "Python": {"REQUESTS_CA_BUNDLE": str(ca)},
                "Java": {
                    "JAVA_TOOL_OPTIONS": f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword={PASSWORD}"
                },
                "Go": {"SSL_CERT_FILE": str(ca)},
            },
        )


def run(*command):
    subprocess.run(command, check=True, capture_output=True)
