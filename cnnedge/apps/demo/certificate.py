"""A certificate of this computer's own for ``--https``: browsers give the live camera to https pages only."""

import ipaddress
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cnnedge.errors import CnnedgeError
from cnnedge.files import sha256_of

DAYS = 7


def self_signed(hosts: Sequence[str], folder: Path) -> tuple[Path, Path]:
    """Make a key and a certificate for ``hosts``, names or addresses, in ``folder``: the paths of both.

    Made with the ``openssl`` program, which every system with Python's https has or can get.

    Raises:
        CnnedgeError: openssl is not installed, or fails.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise CnnedgeError("openssl is not installed, and --https makes its certificate with it: apt install openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", str(key), "-out", str(certificate), "-days", str(DAYS), "-subj", "/CN=cnnedge demo",
        "-addext", f"subjectAltName={','.join(map(_alternative_name, hosts))}",
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise CnnedgeError(f"openssl made no certificate ({done.stderr.strip()}): leave --https out")
    return key, certificate


def fingerprint(certificate: Path) -> str:
    """The certificate's SHA-256 as a browser shows it, for a person to compare."""
    text = sha256_of(ssl.PEM_cert_to_DER_cert(certificate.read_text())).upper()
    return ":".join(text[start : start + 2] for start in range(0, len(text), 2))


def _alternative_name(host: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"
