"""What runs the files in a browser: LiteRT.js and onnxruntime-web, fetched once through ``npm`` into the cache.

Both on WebAssembly with one thread. On 1,000 test images LiteRT.js gives the int8 files bit for bit what Python gives;
its WebGPU form does not run them at all, and threads need a page that is isolated, which plain http never is.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cnnedge.data.published.archive import unpack
from cnnedge.data.published.cache import SCRATCH, data_folder
from cnnedge.data.published.npm import fetch_tarball
from cnnedge.data.published.sources import SourceFailed, malformed_content_fails
from cnnedge.errors import DataError
from cnnedge.files import read_regular, sha256_of, write_atomically
from cnnedge.progress import Progress, silent

FOLDER = "browser-runtimes"
# The largest of the files is 14.2 MB.
MAX_FILE_BYTES = 30_000_000


@dataclass(frozen=True)
class Package:
    """One npm package: ``name@version``, its tarball's SHA-256, and those of the ``files`` that are taken out of it.

    ``max_bytes`` is what the tarball may unpack into.
    """

    package: str
    sha256: str
    max_bytes: int
    files: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its files are kept."""
        return data_folder() / FOLDER / self.package.replace("/", "-").removeprefix("@")


LITERT = Package(
    "@litertjs/core@2.5.3",
    "a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd",
    50_000_000,  # it unpacks into 39.1 MB
    {
        "package/dist/index.js": "e7daccc3a31eef890848a737ccb863ded5f046a6b40c3fdc0556495adeb5d9b3",
        # With relaxed SIMD: Chrome and Firefox.
        "package/wasm/litert_wasm_internal.js": "68efb69f770e3f76aff36a377de629ca496c131b86ac0f0f4b592a1543a898eb",
        "package/wasm/litert_wasm_internal.wasm": "7280cf4471774867e385e6c3cd53e2b45e2975b80fea338fff4ef359b0865614",
        # With plain SIMD, for browsers that lack it; the same answers, up to ten times slower.
        "package/wasm/litert_wasm_compat_internal.js": (
            "4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5"
        ),
        "package/wasm/litert_wasm_compat_internal.wasm": (
            "5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c"
        ),
    },
)
LITERT_LOADER = Package(
    "@litertjs/wasm-utils@2.5.3",
    "ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7",
    1_000_000,
    {"package/dist/index.js": "e0e20bc28ab001ac732cf40d15b6eebd24fb0deaeb95eeba5100f51eebf015f2"},
)
ONNX = Package(
    "onnxruntime-web@1.30.0",
    "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71",
    200_000_000,  # it unpacks into 144.7 MB
    {
        "package/dist/ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
        "package/dist/ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
        "package/dist/ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    },
)
# How the page calls what runs a format.
NAMES = {"tflite": "LiteRT.js 2.5.3", "onnx": "ONNX Runtime Web 1.30.0"}


def runtime_files(formats: Iterable[str], progress: Progress = silent) -> dict[str, bytes]:
    """The files that the page loads to run these formats, ``tflite`` and ``onnx``, by the names it asks for.

    Raises:
        DataError: they are not in the cache and cannot be fetched.
    """
    found: dict[str, bytes] = {}
    if "tflite" in formats:
        files = _files(LITERT, progress)
        found["litert.js"] = _joined(files.pop("index.js"), _files(LITERT_LOADER, progress)["index.js"])
        found |= files
    if "onnx" in formats:
        found |= _files(ONNX, progress)
    return found


def _joined(runtime: bytes, loader: bytes) -> bytes:
    """LiteRT.js with its one dependency in front: a page without a bundler cannot look up ``@litertjs/wasm-utils``."""
    own = runtime.replace(b'import { createWasmLib } from "@litertjs/wasm-utils";\n', b"")
    return loader.partition(b"export {")[0] + _without_map(own)


def _without_map(script: bytes) -> bytes:
    """The script without the line that sends a browser's tools for a source map, which is not served."""
    return b"\n".join(line for line in script.split(b"\n") if not line.startswith(b"//# sourceMappingURL="))


def _files(package: Package, progress: Progress) -> dict[str, bytes]:
    """The files of one package by name, from the cache or from npm."""
    kept = _kept(package)
    if kept is None:
        _fetch(package, progress)
        kept = _kept(package)
    if kept is None:
        raise DataError(f"{package.folder} cannot be kept: make it writable, or set CNNEDGE_DATA to another folder")
    return kept


def _kept(package: Package) -> dict[str, bytes] | None:
    """What the cache has, every file verified; None unless all are there and whole."""
    found = {}
    for member, sha256 in package.files.items():
        name = Path(member).name
        try:
            found[name] = read_regular(package.folder / name, MAX_FILE_BYTES)
        except OSError:
            return None
        if sha256_of(found[name]) != sha256:
            return None
    return found


def _fetch(package: Package, progress: Progress) -> None:
    """Fetch a package and keep its files.

    Raises:
        DataError: npm cannot give it, or the cache cannot be written.
    """
    try:
        package.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=package.folder, prefix=SCRATCH) as scratch:
            folder = Path(scratch)
            tarball = fetch_tarball(package.package, package.sha256, folder, progress)
            with malformed_content_fails():
                unpack(tarball, tuple(package.files), folder, max_bytes=package.max_bytes)
            for member in package.files:
                name = Path(member).name
                write_atomically(package.folder / name, (folder / name).read_bytes())
    except SourceFailed as error:
        raise DataError(
            f"{package.package}, which runs the files in a browser, could not be fetched ({error}): it is fetched "
            f"once, through npm (Debian: apt install npm); or copy {package.folder} from a machine that has it"
        ) from None
    except OSError as error:
        raise DataError(
            f"{package.folder} cannot be written ({error.strerror or error}): make room there or make it writable, or "
            "set CNNEDGE_DATA to another folder"
        ) from None
