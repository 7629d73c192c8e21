"""A time-stamping authority (RFC 3161) made with `openssl ts`: certificates of a root and a signer, and answers."""

import subprocess
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.peers import need

_CONFIG = """[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """Answers queries as an authority on the network does."""

    def __init__(self, folder, name="stamps.example", usage=ExtendedKeyUsageOID.TIME_STAMPING):
        self.openssl = need("openssl")
        self.folder = folder
        folder.mkdir()
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = _certificate(f"root of {name}", f"root of {name}", root_key, root_key)
        signer = _certificate(name, f"root of {name}", key, root_key, usage=usage)
        plain = serialization.NoEncryption()
        pem = serialization.Encoding.PEM
        (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        (folder / "signer.pem").write_bytes(signer.public_bytes(pem))
        (folder / "root.pem").write_bytes(self.root.public_bytes(pem))
        (folder / "ts.cnf").write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")

    @property
    def ca(self):
        return self.folder / "root.pem"

    def answer(self, query):
        """Return the answer to a query, DER both."""
        (self.folder / "query").write_bytes(query)
        self._run(
            *("ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-out", "answer"),
            *("-signer", "signer.pem", "-inkey", "key.pem"),
        )
        return (self.folder / "answer").read_bytes()

    def verifies(self, response, data):
        """Return whether `openssl ts -verify` believes a kept time stamp of a file."""
        words = ("ts", "-verify", "-in", str(response), "-data", str(data), "-CAfile", "root.pem")
        return b"Verification: OK" in self._run(*words, check=False).stdout

    def _run(self, *words, check=True):
        return subprocess.run([self.openssl, *words], cwd=self.folder, capture_output=True, check=check)


def _certificate(name, issuer, key, issuer_key, *, usage=None):
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
