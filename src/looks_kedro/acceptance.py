"""Which portraits go on, and why the others do not: one reason each, in a fixed order, and the user's word wins."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

log = logging.getLogger(__name__)

STAGE = "preprocessing"
"""Value of the column ``stage`` in the rejections."""

BEYOND_KEEPING = ("unreadable", "no_face")
"""Reasons that a correction cannot lift: there is no face to go on with."""


@dataclass(frozen=True)
class Decision:
    """What becomes of one portrait.

    Attributes:
        file: its name, such as ``celebrities/ada/0001.jpg``.
        looks: its class.
        identity: who it shows.
        reason: why it is rejected, "" where it is kept.
        detail: the numbers behind the reason.
        duplicate_of: the file that is kept in its place, "" for other reasons.
    """

    file: str
    looks: int
    identity: str
    reason: str = ""
    detail: str = ""
    duplicate_of: str = ""

    @property
    def named(self) -> bool:
        """Whether it is filed under a person; a photo of nobody in particular is its own identity."""
        own = self.file.partition("/")[2]
        # Older tables call it by the name of the raw image.
        return self.identity not in (self.file, own, own.removesuffix(".jpg"))

    @property
    def kept(self) -> bool:
        """Whether the portrait goes on."""
        return not self.reason


def without_copies(decisions: Sequence[Decision], copies: pd.DataFrame) -> list[Decision]:
    """Reject the portraits that show a picture that another one shows too.

    A copy stays a copy whatever else is said of its face; one that cannot be read has no picture to compare.

    Args:
        decisions: so far.
        copies: what ``duplicates.find_copies`` gave.

    Returns:
        The decisions in the same order. Reasons: ``duplicate`` (the same bytes), ``near_duplicate`` (the same
        picture), ``duplicate_of_another_person`` (either, and the two are filed under different people).
    """
    found = {row["file"]: row for row in copies.to_dict("records")}
    by_file = {decision.file: decision for decision in decisions}

    def decided(decision: Decision) -> Decision:
        copy = found.get(decision.file)
        if copy is None or decision.reason == "unreadable":
            return decision
        original = str(copy["duplicate_of"])
        same = copy["kind"] == "same_bytes"
        detail = f"the same bytes as {original}" if same else f"the same picture as {original}"
        reason = "duplicate" if same else "near_duplicate"
        if copy["other_identity"] and decision.named and by_file[original].named:
            reason, detail = (
                "duplicate_of_another_person",
                f"{detail}, which is said to be {by_file[original].identity}",
            )
        return replace(decision, reason=reason, detail=detail, duplicate_of=original)

    return [decided(decision) for decision in decisions]


def without_strangers(decisions: Sequence[Decision], strangers: Mapping[str, str]) -> list[Decision]:
    """Reject faces that are not the person's, of those still kept.

    Args:
        decisions: so far.
        strangers: detail of each file whose face is another person's.
    """
    return [
        replace(decision, reason="other_person", detail=strangers[decision.file])
        if decision.kept and decision.file in strangers
        else decision
        for decision in decisions
    ]


def corrected(decisions: Sequence[Decision], corrections: pd.DataFrame, with_face: Collection[str]) -> list[Decision]:
    """Let the user's decisions win; those that cannot be followed are told.

    Args:
        decisions: of the program.
        corrections: table ``corrections``; its ``file`` is the decisions'.
        with_face: files in which a face was found; a copy of a picture without one cannot be kept either.

    Returns:
        The decisions in the same order; rejected ones have the reason ``corrected``.
    """
    wanted = {row["file"]: row for row in corrections.to_dict("records")}
    absent = wanted.keys() - {decision.file for decision in decisions}
    if absent:
        log.warning("corrections.csv: %d row(s) name no portrait: %s", len(absent), _some(sorted(absent)))
    beyond = {
        decision.file
        for decision in decisions
        if decision.reason in BEYOND_KEEPING or (not decision.kept and decision.file not in with_face)
    }
    result = [
        decision if decision.file in beyond else _followed(decision, wanted.get(decision.file))
        for decision in decisions
    ]
    impossible = [file for file, row in wanted.items() if file in beyond and row["decision"] == "keep"]
    if impossible:
        log.warning(
            "corrections.csv: %d portrait(s) cannot be kept, because no face was found in them: %s",
            len(impossible),
            _some(impossible),
        )
    changed = sum(before.kept != after.kept for before, after in zip(decisions, result, strict=True))
    if wanted:
        log.info("corrections.csv: %d of %d row(s) changed a decision", changed, len(wanted))
    return result


def _followed(decision: Decision, correction: Mapping[Any, Any] | None) -> Decision:
    if correction is None:
        return decision
    if correction["decision"] == "keep":
        return replace(decision, reason="", detail="", duplicate_of="")
    if not decision.kept:
        return decision
    return replace(decision, reason="corrected", detail=str(correction["reason"]))


def rejections(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """Rows of table ``rejections``, one a portrait that does not go on."""
    return [
        {
            "file": decision.file,
            "looks": decision.looks,
            "identity": decision.identity,
            "stage": STAGE,
            "reason": decision.reason,
            "detail": decision.detail,
            "duplicate_of": decision.duplicate_of,
        }
        for decision in decisions
        if not decision.kept
    ]


def _some(files: Sequence[str]) -> str:
    return ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
