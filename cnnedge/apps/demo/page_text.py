"""The page's text: as the server gives it, in its parts, or as one file that holds everything."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

from cnnedge import __version__
from cnnedge.apps.demo.offer import Offer, pictures_told
from cnnedge.apps.demo.runtimes import NAMES

SOURCES = files("cnnedge.apps.demo") / "page"
MODULES = (
    "assets", "resize", "turning", "picture", "drawing", "feeding", "runtimes", "selfcheck", "measure", "answers",
    "camera", "figures", "app",
)  # fmt: skip
_IMPORT = re.compile(r'^import (\{.*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
# What a page may do. WebAssembly counts as evaluation; bars get their length through the style of their elements.
SERVED_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def source(name: str) -> str:
    """One of the page's own files."""
    return (SOURCES / name).read_text(encoding="utf-8")


def served_page(offer: Offer) -> str:
    """``index.html`` of the server: its parts are fetched from beside it."""
    return Template(source("index.html")).substitute(
        head='<link rel="stylesheet" href="style.css">\n<link rel="icon" href="data:,">',
        body=f'{_data(offer, upload="results")}\n<script type="module" src="app.js"></script>',
    )


def single_page(offer: Offer, runtimes: Mapping[str, bytes]) -> str:
    """The page with its files and ``runtimes`` inside: it opens from a file, and asks nobody for anything.

    Of LiteRT.js it takes the build with plain SIMD, which every current browser runs.
    """
    script, style = joined_modules(), source("style.css")
    policy = (
        f"default-src 'none'; script-src {_hash(script)} blob: 'wasm-unsafe-eval'; style-src {_hash(style)}; "
        "connect-src blob: data:; img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'"
    )
    assets = {one.address: one.file.content for one in offer.files}
    needed = {name: data for name, data in runtimes.items() if not name.startswith("litert_wasm_internal")}
    assets |= {f"runtime/{name}": data for name, data in needed.items()}
    return Template(source("index.html")).substitute(
        head=f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>',
        body="\n".join(
            [
                *(_asset(name, data) for name, data in assets.items()),
                _data(offer, upload=None),
                f'<script type="module">{script}</script>',
            ]
        ),
    )


def joined_modules() -> str:
    """The page's modules as one script: each a function that returns what it exports."""
    parts = ["const modules = {};\n"]
    for name in MODULES:
        text = _IMPORT.sub(r"const \1 = modules.\2;", source(f"{name}.js"))
        exported = ", ".join(found[1] for found in _EXPORT.findall(text))
        body = _EXPORT.sub(r"\1", text)
        parts.append(f"modules.{name} = (() => {{\n{body}\nreturn {{{exported}}};\n}})();\n")
    return "".join(parts)


def _data(offer: Offer, *, upload: str | None) -> str:
    """What the page knows, as JSON that no ``</script>`` in a label can end."""
    told: dict[str, Any] = {
        "cnnedge": __version__,
        "files": [one.told | {"address": one.address} for one in offer.files],
        "refused": offer.refused,
        "runtimes": {format: NAMES[format] for format in offer.formats},
        "pictures": pictures_told(offer),
        "upload": upload,
        "start": next((index for index, one in enumerate(offer.files) if one.is_small), 0),
    }
    text = json.dumps(told, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="page">{text}</script>'


def _asset(name: str, content: bytes) -> str:
    """Bytes inside the page, compressed; base64 takes a third more than they have."""
    packed = base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
    return f'<script type="application/gzip" data-asset="{name}">{packed}</script>'


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
