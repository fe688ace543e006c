"""What a file is, told from its first bytes: neither its name nor the server's word is to be trusted."""

from __future__ import annotations

import re

ENOUGH = 512
"""So many first bytes suffice."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"BM.{4}\x00{4}", "image/bmp"),
    (rb"II[*+]\x00|MM\x00[*+]", "image/tiff"),
    (rb"....ftyp(avif|avis)", "image/avif"),
    (rb"....ftyp(heic|heix|hevc|hevx|heim|heis|mif1|msf1)", "image/heic"),
    (rb"\x00{3}\x0cjP  |\xff\x4f\xff\x51", "image/jp2"),
    (rb"\x00\x00\x01\x00[^\x00]\x00", "image/vnd.microsoft.icon"),
    (rb"P[1-6]\s+[0-9#]", "image/x-portable-anymap"),
    (rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]", "image/x-pcx"),
    (rb"%PDF-", "application/pdf"),
    (rb"PK(\x03\x04|\x05\x06)", "application/zip"),
    (rb"\x1f\x8b", "application/gzip"),
    (rb"....ftyp", "video/mp4"),
    (rb"\x1a\x45\xdf\xa3", "video/webm"),
    (rb"version https://git-lfs", LFS_POINTER := "application/x-git-lfs-pointer"),
)  # fmt: skip

_TEXT_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|meta|title|div|p|h1)\b", "text/html"),
    (rb"(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!doctype html|<html)\b", "text/html"),
    (rb"(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!doctype svg[^>]*>\s*)?<svg\b", "image/svg+xml"),
    (rb"<\?xml", "application/xml"),
    (rb'\{\s*("|\})|\[\s*(["\[\{\]0-9-]|true|false|null)', "application/json"),
)

_WORDS = {
    "text/html": "a web page (HTML)",
    "image/svg+xml": "a vector drawing (SVG)",
    "application/xml": "XML",
    "application/json": "JSON",
    "application/pdf": "a PDF document",
    "application/zip": "a zip archive",
    "application/gzip": "a gzip archive",
    "video/mp4": "a video (MP4)",
    "video/webm": "a video (WebM)",
    "text/plain": "plain text",
    LFS_POINTER: "a Git LFS pointer, which only names the real file",
    "": "data of an unknown kind",
}


def media_type(start: bytes) -> str:
    """Media type of a file.

    Args:
        start: its first bytes, ``ENOUGH`` of them where it has so many.

    Returns:
        Such as ``image/jpeg`` or ``text/html``; "" where nothing is known.
    """
    start = start[:ENOUGH]
    for pattern, kind in _SIGNATURES:
        if re.match(pattern, start, re.DOTALL):
            return kind
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, kind in _TEXT_SIGNATURES:
        if re.match(pattern, text, re.DOTALL | re.IGNORECASE):
            return kind
    return "text/plain" if start and not re.search(rb"[\x00-\x08\x0e-\x1a\x7f]", start) else ""


def is_pixel_image(kind: str) -> bool:
    """Whether a media type is that of an image made of pixels."""
    return kind.startswith("image/") and kind != "image/svg+xml"


def describe(start: bytes) -> str:
    """A few words on what a file is, such as ``a web page (HTML)``, from its first bytes."""
    if not start:
        return "an empty file"
    kind = media_type(start)
    return _WORDS.get(kind) or f"an image ({kind.removeprefix('image/').upper()})"
