"""Where images come from: the user's folders, FairFace's own layout, and what is fetched.

Each source lists what it found and why it left something out; nothing here detects faces or saves images.
"""

from __future__ import annotations

from looks_kedro.sources.downloads import Downloads, Hit
from looks_kedro.sources.fairface import LabelTable, mend_age, read_fairface_labels
from looks_kedro.sources.folder import FolderListing, SourceImage, scan_folder
from looks_kedro.sources.listing import Listing

__all__ = [
    "Downloads",
    "FolderListing",
    "Hit",
    "LabelTable",
    "Listing",
    "SourceImage",
    "mend_age",
    "read_fairface_labels",
    "scan_folder",
]
