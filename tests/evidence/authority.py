"""An authority that stamps (RFC 3161), made of openssl and a server on this machine, and the certificates it has."""

import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIGURED = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = {name}.crt
signer_key = {name}.key
signer_digest = sha256
digests = {digests}
default_policy = 1.2.3.4.1
"""
DAY = timedelta(days=1)


def openssl(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, text=True, check=False)


class Authority:
    """What signs stamps, in a folder: ``root.crt`` vouches for it, and ``stranger.crt`` doesn't."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "serial").write_text("01\n")
        root = ec.generate_private_key(ec.SECP256R1())
        self._write("root", root, "root", root)
        stranger = ec.generate_private_key(ec.SECP256R1())
        self._write("stranger", stranger, "stranger", stranger)
        for name, until in (("tsa", DAY), ("expired", -DAY)):
            self._write(name, ec.generate_private_key(ec.SECP256R1()), "root", root, until)

    def _write(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: str,
        signer: ec.EllipticCurvePrivateKey,
        until: timedelta = DAY,
    ) -> None:
        is_root, now = name == issuer, datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now + until)
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        )
        if not is_root:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(usage, critical=True)
        made = builder.sign(signer, hashes.SHA256())
        (self.folder / f"{name}.crt").write_bytes(made.public_bytes(Encoding.PEM))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.key").write_bytes(private)

    def answer(self, request: bytes, name: str = "tsa", more: str = "", digests: str = "sha256") -> bytes:
        (self.folder / "tsa.conf").write_text(CONFIGURED.format(name=name, digests=digests))
        (self.folder / "request").write_bytes(request)
        openssl(self.folder, f"ts -reply -config tsa.conf -queryfile request -out answer {more}")
        return (self.folder / "answer").read_bytes()


@contextmanager
def served(answer: Callable[[bytes], bytes | Iterable[bytes]], status: int = 200) -> Generator[str]:
    """The address at which requests are answered so, also piece by piece."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            told = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            with suppress(ConnectionError):  # who has asked doesn't wait any longer
                for piece in [told] if isinstance(told, bytes) else told:
                    self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/stamps"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
