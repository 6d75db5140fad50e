"""Published files, made small, and servers for them that behave well or badly."""

import base64
import gzip
import hashlib
import io
import json
import struct
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from cnnedge.data.published import cache
from cnnedge.data.published.catalogue import MNIST
from cnnedge.data.published.download import fetch
from cnnedge.data.published.npm import NpmPackage
from cnnedge.data.published.parse import ARRAY_NAMES, IDX_FILES, mnist_idx, mnist_idx_gz
from cnnedge.data.published.spec import DatasetSpec
from cnnedge.data.published.web import WebFolder

TRAIN_IMAGES, TEST_IMAGES = 40, 20


def few_digits() -> dict[str, np.ndarray]:
    """The first images of the sample in the package, as uint8 arrays."""
    with np.load(MNIST.sample) as sample:
        return {
            "x_train": sample["x_train"][:TRAIN_IMAGES],
            "y_train": sample["y_train"][:TRAIN_IMAGES],
            "x_test": sample["x_test"][:TEST_IMAGES],
            "y_test": sample["y_test"][:TEST_IMAGES],
        }


def spec_of(*sources, **changes) -> DatasetSpec:
    """A dataset of ``few_digits`` with these sources."""
    arrays = few_digits()
    fields = {
        "name": "digits",
        "labels": MNIST.labels,
        "licence": MNIST.licence,
        "image_shape": (28, 28, 1),
        "train_images": TRAIN_IMAGES,
        "test_images": TEST_IMAGES,
        "sha256": {name: hashlib.sha256(arrays[name].tobytes()).hexdigest() for name in ARRAY_NAMES},
        "sources": sources,
    }
    return DatasetSpec(**(fields | changes))


def idx(array: np.ndarray) -> bytes:
    """The IDX file of an array of images (N, H, W, 1) or labels (N,)."""
    axes = array.shape[:3]
    return bytes((0, 0, 8, len(axes))) + struct.pack(f">{len(axes)}I", *axes) + array.tobytes()


def idx_files() -> dict[str, bytes]:
    """``few_digits`` as four IDX files."""
    return {file: idx(few_digits()[name]) for file, name in zip(IDX_FILES, ARRAY_NAMES, strict=True)}


def gz_files() -> dict[str, bytes]:
    """``few_digits`` as four gzipped IDX files; without a time stamp, so that their hashes stay the same."""
    return {f"{file}.gz": gzip.compress(content, mtime=0) for file, content in idx_files().items()}


def tar_gz(members: dict[str, bytes]) -> bytes:
    """A ``.tar.gz`` with these regular files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def well(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def cut_off(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Promise everything, send half and close."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])


def short(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send half and claim that it is everything."""
    well(request, content[: len(content) // 2])


def tampered(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Change one bit in the middle."""
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    well(request, bytes(changed))


def stalled(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Send half, then nothing for longer than the tests wait."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])
    request.wfile.flush()
    time.sleep(3)


def missing(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_error(404)


@contextmanager
def serving(files: dict[str, bytes], answer: Answer = well) -> Iterator[str]:
    """Serve ``files`` on this machine and yield the address, which ends in a slash."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.removeprefix("/"))
            (answer if content is not None else missing)(self, content or b"")

        def log_message(self, *arguments) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def web_source(address: str, **changes) -> WebFolder:
    """``few_digits`` below ``address``, given up at the first failure and after half a second of silence."""
    files = {name: sha256(content) for name, content in gz_files().items()}
    fields = {"connect_seconds": 0.5, "read_seconds": 0.5, "retries": 0}
    return WebFolder(address, files, mnist_idx_gz, **(fields | changes))


def digits_tarball(padding: int = 0) -> bytes:
    """``padding`` bytes more, which do not compress."""
    return tar_gz(
        {"package/package.json": b'{"name": "digits", "version": "1.0.0"}'}
        | ({"package/padding": np.random.default_rng(0).bytes(padding)} if padding else {})
        | {f"package/data/{name}": content for name, content in idx_files().items()}
    )


def npm_source(tarball: bytes, **changes) -> NpmPackage:
    """``few_digits`` as the npm package ``digits@1.0.0``."""
    fields = {
        "package": "digits@1.0.0",
        "sha256": sha256(tarball),
        "members": tuple(f"package/data/{name}" for name in IDX_FILES),
        "max_bytes": 1_000_000,
        "decode": mnist_idx,
    }
    return NpmPackage(**(fields | changes))


@contextmanager
def npm_registry(tarball: bytes, answer: Answer = well) -> Iterator[str]:
    """A registry with the package ``digits``; ``answer`` is how it sends the tarball."""
    files = {"tarball.tgz": tarball}
    with serving(files, answer) as tarballs:
        entry = {
            "name": "digits",
            "version": "1.0.0",
            "dist": {
                "tarball": f"{tarballs}tarball.tgz",
                "integrity": f"sha512-{base64.b64encode(hashlib.sha512(tarball).digest()).decode()}",
            },
        }
        packument = {"name": "digits", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": entry}}
        with serving({"digits": json.dumps(packument).encode()}) as registry:
            yield registry


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def cached_files() -> list[str]:
    return sorted(f"digits/{name}.npy" for name in ARRAY_NAMES)


def fetch_digits(address: str, folder: Path) -> str:
    """Fetch in a process of its own and return the source."""
    return fetch(spec_of(web_source(address, read_seconds=20)), folder)[1]


def write_repeatedly(source: Path, folder: Path, times: int) -> None:
    """Write the full MNIST, kept below ``source``, into another cache, in a process of its own."""
    arrays = cache.read(MNIST, source)
    for _ in range(times):
        cache.write(MNIST, folder, arrays)
