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
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        run("openssl", "req", "-x509", *ec, "-subj", "/CN=jobgate conformance", "-keyout", at / "ca.key", "-out", at / "ca.pem")
        extensions = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        signer = ["-CA", at / "ca.pem", "-CAkey", at / "ca.key"]
        run("openssl", "req", "-x509", *ec, "-subj", "/CN=127.0.0.1", *extensions, *signer, "-keyout", at / "key.pem", "-out", at / "cert.pem")
        store = at / "trust.p12"
        into = ["-keystore", store, "-storetype", "PKCS12", "-storepass", PASSWORD]
        run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", at / "ca.pem", *into)
        yield types.SimpleNamespace(
            server=f'tls = {{ cert_file = "{at / "cert.pem"}", key_file = "{at / "key.pem"}" }}',
            trusted={
                "Python": {"REQUESTS_CA_BUNDLE": str(at / "ca.pem")},
                "Java": {
                    "JAVA_TOOL_OPTIONS": f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword={PASSWORD}"
                },
                "Go": {"SSL_CERT_FILE": str(at / "ca.pem")},
            },
        )


def run(*command):
    subprocess.run(command, check=True, capture_output=True)
