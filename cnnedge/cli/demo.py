"""``cnnedge demo``: a page that runs the exported files in a browser, and brings a phone's figures home."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Labels, Mean, Overwrite, Std
from cnnedge.files import check_writable, refuse_existing

if TYPE_CHECKING:
    import socket

    from cnnedge.apps.demo.offer import Offer

PORT = 8017
EVERYWHERE = "0.0.0.0"


def demo(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH..", help="Exported files, or folders of them.")],
    host: Annotated[
        str, typer.Option(metavar="H", help=f"Who may come: {EVERYWHERE} lets in a phone on the same network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes any free one.")] = PORT,
    https: Annotated[
        bool, typer.Option("--https", help="With a certificate of its own: browsers then allow the live camera.")
    ] = False,
    export_html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page as one file instead, and serve nothing.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where a phone's figures are kept.")] = Path("demo"),
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    overwrite: Overwrite = False,
) -> None:
    """Try the files on a phone: one page that runs them in its browser.

    Draw a digit, or take a photo: the exported file itself answers, in the
    page, with the pixels that predict would feed it. Each file first answers
    pictures whose answers Python gave, and the page says if it differs.

    "Measure" times every file on the phone. The figures come back, are kept
    as demo/<device>.json, and become rows of the table: name that file beside
    benchmark.json in report, or among the paths of benchmark. What a person
    saves in the page is such a file too.

    What runs the files in the browser is fetched once, through npm, and kept;
    the phone needs no internet. Ctrl-C ends it.

    Examples:

      cnnedge demo exported/mnist exported/cifar10

      cnnedge demo exported/mnist exported/cifar10 --host 0.0.0.0

      cnnedge demo exported/mnist/mnist_int8.tflite --export-html digits.html

      cnnedge report exported/mnist/benchmark.json demo/my-phone.json
    """
    from cnnedge.apps.demo.offer import make_offer
    from cnnedge.benchmark.candidate import exported_files
    from cnnedge.images.normalization import asked_normalization
    from cnnedge.labels import asked_labels

    asked = asked_normalization(mean, std), asked_labels(labels)
    files = [file for path in paths for file in exported_files(path)]
    if export_html is not None:
        refuse_existing([export_html], overwrite=overwrite)
        check_writable(export_html)
        return _write(export_html, _said(make_offer(files, *asked)))
    from cnnedge.apps.demo.server import bound_socket, require_server_packages

    require_server_packages()
    check_writable(out)
    with bound_socket(host, port) as listening:
        _serve(_said(make_offer(files, *asked)), listening, host, out, https=https)


def _said(offer: "Offer") -> "Offer":
    """The offer, after what is left out was said."""
    for name, reason in offer.refused.items():
        console.say(f"{name} is left out: {reason}")
    return offer


def _write(path: Path, offer: "Offer") -> None:
    from cnnedge.apps.demo.page_text import single_page
    from cnnedge.apps.demo.runtimes import runtime_files
    from cnnedge.files import write_atomically

    with console.progress() as progress:
        page = single_page(offer, runtime_files(offer.formats, progress)).encode()
    write_atomically(path, page)
    console.show(f"written: {path} ({len(page) / 1e6:.1f} MB, {len(offer.files)} files); open it in any browser")


def _serve(offer: "Offer", listening: "socket.socket", host: str, out: Path, *, https: bool) -> None:
    """Serve until Ctrl-C, which is how it is meant to end."""
    from cnnedge.apps.demo.addresses import hosts_of, urls
    from cnnedge.apps.demo.certificate import self_signed
    from cnnedge.apps.demo.runtimes import runtime_files
    from cnnedge.apps.demo.server import make_site, serve

    with console.progress() as progress:
        runtimes = runtime_files(offer.formats, progress)
    site = make_site(offer, runtimes, out, console.show)
    with tempfile.TemporaryDirectory() as folder:
        identity = self_signed(hosts_of(host), Path(folder)) if https else None
        _show(urls(host, listening.getsockname()[1], site.token, scheme="https" if https else "http"), host)
        if identity is not None:
            _say_certificate(identity[1])
        try:
            serve(site, listening, identity)
        except KeyboardInterrupt:
            console.say("stopped")


def _show(urls: list[str], host: str) -> None:
    """The addresses, the first as a code to scan where a phone can come and a person looks; and who may come."""
    from cnnedge.apps.demo.addresses import qr_lines

    if host == EVERYWHERE and sys.stdout.isatty():
        print("\n".join(qr_lines(urls[0])))
    console.show(*urls)
    sys.stdout.flush()
    if host == EVERYWHERE:
        console.say("whoever has this address and shares your network may come; Ctrl-C ends it")
    else:
        console.say(f"for this computer alone; --host {EVERYWHERE} lets in a phone on the same network. Ctrl-C ends it")


def _say_certificate(certificate: Path) -> None:
    """What the browser will show, and how to tell this computer from another."""
    from cnnedge.apps.demo.certificate import fingerprint

    console.say(
        "the browser will warn that the connection is not private, for nobody vouches for this computer's certificate: "
        "choose Advanced, then Proceed (Safari: Show Details, then visit this website)"
    )
    console.say(f"its SHA-256 is {fingerprint(certificate)}")
