"""The server: what it gives and takes, and from whom; and how it ends."""

import hashlib
import http.client
import json
import shutil
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cnnedge.apps.demo.offer import make_offer
from cnnedge.apps.demo.runtimes import runtime_files
from cnnedge.apps.demo.server import bound_socket
from cnnedge.errors import CnnedgeError, DataError
from tests.support.browsers import Served
from tests.support.posted import posted

# One server for all of them, which the last one ends.
pytestmark = pytest.mark.xdist_group("demo server")
FILE = Path(__file__).parents[3] / "exported" / "mnist-tiny" / "mnist-tiny_int8.tflite"


@pytest.fixture(scope="module")
def offer():
    return make_offer([FILE])


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    try:
        runtime_files(["tflite"])
    except DataError as error:
        pytest.skip(str(error))
    found = Served(FILE, cwd=tmp_path_factory.mktemp("served"))
    yield found
    found.process.kill()


def ask(served: Served, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("latin-1"), dict(answer.getheaders())
    finally:
        connection.close()


def base(served: Served) -> str:
    return urlsplit(served.url).path


def test_the_page_may_load_nothing_from_elsewhere(served):
    status, text, headers = ask(served, "GET", base(served))
    assert status == 200 and "<title>cnnedge" in text
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff" and "server" not in headers
    assert "http://" not in text and "https://" not in text


@pytest.mark.parametrize(
    "path", ["", "runtime/../../pyproject.toml", "..%2f..%2fetc/passwd", "%2e%2e/pyproject.toml", "index.html"]
)
def test_nothing_else_is_served(served, path):
    token = base(served)
    where = f"{token}{path}" if path else "/"
    assert ask(served, "GET", where)[0] == 404
    assert ask(served, "GET", f"/{'A' * 22}/app.js")[0] == 404


def test_figures_are_taken_with_the_token_alone(served, offer):
    good = json.dumps(posted(offer))
    assert ask(served, "POST", f"/{'A' * 22}/results", good)[0] == 404
    assert ask(served, "POST", f"{base(served)}results", good)[:2] == (200, "kept as demo/my-phone.json")
    assert ask(served, "POST", f"{base(served)}results", good)[:2] == (200, "kept as demo/my-phone.json")
    status, text, _ = ask(served, "POST", f"{base(served)}results", "{}")
    assert status == 400 and "these are no figures of the page (schema is missing)" in text
    assert ask(served, "GET", f"{base(served)}results")[0] in (404, 405)


@pytest.mark.parametrize("said", [True, False], ids=["with its length", "in chunks"])
def test_too_much_is_not_read(served, said):
    piece = b" " * 100_000
    body = piece * 8 if said else iter([piece] * 8)
    try:
        status, text, _ = ask(served, "POST", f"{base(served)}results", body)
    except (BrokenPipeError, ConnectionResetError):
        return  # it hung up before it had been told everything
    assert (status, text) == (413, "more than 500,000 bytes")


def test_a_port_in_use_is_said():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CnnedgeError, match=f"cannot listen on 127.0.0.1, port {port} .*choose another --port"):
            bound_socket("127.0.0.1", port)
    with pytest.raises(CnnedgeError, match=r"cannot listen on 192\.0\.2\.1"):
        bound_socket("192.0.2.1", 0)


def test_https_with_a_certificate_of_its_own(tmp_path):
    """Its address and fingerprint are those of the certificate that the server shows; the key is gone afterwards."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: apt install openssl")
    served = Served(FILE, "--https", cwd=tmp_path)
    address = urlsplit(served.url)
    assert address.scheme == "https"
    shown = ssl.get_server_certificate((address.hostname, address.port))
    trusting = ssl.create_default_context(cadata=shown)
    connection = http.client.HTTPSConnection(address.netloc, timeout=10, context=trusting)
    connection.request("GET", address.path)
    assert b"<title>cnnedge" in connection.getresponse().read()
    connection.close()
    code, _, err = served.end()
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()
    assert code == 0 and "choose Advanced, then Proceed" in err
    assert f"its SHA-256 is {digest[:2]}:{digest[2:4]}:" in err


def test_ctrl_c_ends_it_though_a_phone_is_connected(served):
    """Last: the others are done with it."""
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port)) as phone:
        phone.sendall(f"POST {address.path}results HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode())
        code, out, err = served.end()
    assert code == 0 and err.endswith("stopped\n")
    assert "received: demo/my-phone.json" in out and "Traceback" not in err
