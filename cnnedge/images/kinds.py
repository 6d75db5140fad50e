"""Which files are pictures, by their names and by their first bytes, and what those are that cannot be read."""

import os
from collections import Counter
from collections.abc import Collection, Iterable

# What a folder is searched for; a file named on the command line is tried whatever its suffix. HEIC is read where
# pillow-heif is installed, and named for what it is where not.
SUFFIXES = frozenset(
    {
        ".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm",
        ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
# What systems and tools leave in folders of pictures; names with a dot in front are passed over as well, among them
# the ._x.jpg in which a Mac keeps the attributes of x.jpg.
_LEFT_BY_SYSTEMS = frozenset({"__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "$recycle.bin"})
# Formats that Pillow is asked for by name: the first are loaded with Pillow, the others only where a picture is none
# of those. Among those left out is EPS, for which Pillow starts Ghostscript.
COMMON_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM")
FURTHER_FORMATS = ("WEBP", "TIFF", "AVIF", "JPEG2000")
READABLE = "PNG, JPEG, WebP, AVIF, TIFF, GIF, BMP, JPEG 2000 or PPM"
# ISO base media files say after "ftyp" what they are (ISO/IEC 23008-12, 10.2, and AV1 Image File Format, 9).
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_OTHER_KINDS = (
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"PK\x03\x04", "a zip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x05\x16\x07", "a Mac's file attributes"),
    (b"version https://git-lfs", "a pointer to a file that Git LFS has not fetched"),
)


def is_picture_name(name: str) -> bool:
    """Whether a file of this name is looked at as a picture in a folder."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 (a Path takes eight times as long)


def told_suffixes(names: Iterable[str]) -> str:
    """How many files of which endings, the most frequent first: ``.tga (12), .psd (3), without ending (1)``."""
    counts = Counter(os.path.splitext(name)[1].lower() or "without ending" for name in names)  # noqa: PTH122
    most = counts.most_common(5)
    return ", ".join(f"{suffix} ({count:,})" for suffix, count in most) + (" ..." if len(counts) > len(most) else "")


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name is nothing that a person put there."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def is_heif(start: bytes) -> bool:
    """Whether a file that begins with ``start`` (12 bytes at least) is HEIC or HEIF, as an iPhone's photos are."""
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS


def why_unreadable(start: bytes, readers: Collection[str] = ()) -> str:
    """What a file that begins with ``start`` and that nothing here reads is, in one line with what to do.

    Args:
        readers: the formats that Pillow reads here: a file of one of them is damaged, and nothing to install helps.
    """
    if not start:
        return f"is empty, expected {READABLE}"
    is_avif = start[4:8] == b"ftyp" and start[8:12] in _AVIF_BRANDS
    if (is_heif(start) and "HEIF" in readers) or (is_avif and "AVIF" in readers):
        return f"is {'AVIF' if is_avif else 'HEIC'}, but damaged: copy it again from where it came from, or remove it"
    if is_heif(start):
        return "is HEIC, as iPhones take: install pillow-heif (pip install pillow-heif), or save it as JPEG"
    if is_avif:
        return "is AVIF, which this Pillow does not read: pip install --upgrade 'pillow>=11.3', or save it as JPEG"
    if start[4:8] == b"ftyp":
        return f"is a video or another media file, expected {READABLE}"
    found = next((kind for prefix, kind in _OTHER_KINDS if start.lstrip().lower().startswith(prefix.lower())), None)
    return f"is {found}, expected {READABLE}" if found else f"not a picture, or a damaged one; expected {READABLE}"
