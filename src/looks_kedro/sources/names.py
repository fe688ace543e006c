"""Folder names for identities, whatever characters these have."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable

_LONGEST = 100  # bytes; file systems allow 255, and paths have an end too
_PUNCTUATION = frozenset(" _-.,'()&")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)


def folder_names(identities: Iterable[str]) -> dict[str, str]:
    """A folder's name for each identity; no two share one, also where letter case does not count.

    An identity that is fit for a name on every system stays as it is; others are cleaned and marked with the first
    digits of their sha256 behind a tilde, which no plain name has. Two that differ in letter case alone are both
    marked.

    Args:
        identities: any texts; each may come several times.

    Returns:
        identity -> name of its folder, in the order of the identities.
    """
    wanted = list(dict.fromkeys(identities))
    alike = Counter(_folded(identity) for identity in wanted)
    return {
        identity: identity if _is_fit(identity) and alike[_folded(identity)] == 1 else _marked(identity)
        for identity in wanted
    }


def _folded(identity: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", identity).casefold())


def _is_fit(identity: str) -> bool:
    return (
        identity != ""
        and all(_is_plain(character) for character in identity)
        and identity == identity.strip(" .")
        and unicodedata.is_normalized("NFC", identity)
        and len(identity.encode()) <= _LONGEST
        and identity.split(".")[0].strip().lower() not in _DEVICES
    )


def _is_plain(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LNM"


def _marked(identity: str) -> str:
    plain = "".join(character if _is_plain(character) else "_" for character in identity)
    short = unicodedata.normalize("NFC", plain).encode()[: _LONGEST - 40].decode("utf-8", "ignore").strip(" .")
    return f"{short}~{hashlib.sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
