"""Nodes of the audit pipeline."""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing.copies import copied_image
from looks_kedro.datasets import ImageFolder
from looks_kedro.mattes.compositing import Variant, without_alpha
from looks_kedro.pipelines.background.nodes import matte_file
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.tables import CROP_LANDMARKS, columns, empty_table

from .parameters import Audit

log = logging.getLogger(__name__)

Image = npt.NDArray[np.uint8]
Checkpoint = dict[str, Any]

BLANK = ("colour", "transparent", "face_only")
"""Kinds of variants that have nothing behind the person."""
BEHIND = ("background", "background_left", "background_right", "background_top")
BESIDE_THE_FACE = ("clothes", "border")
"""Channels of what a face alone does not show; the surround stays, so that a face has something to be held against."""


def audit_models(
    audit: Audit,
    variant: Variant,
    model_input: ImageFolder,
    mattes: ImageFolder,
    matte_quality: pd.DataFrame,
    **models: Checkpoint,
) -> dict[str, Any]:
    """Audit all models of one variant; each edited image is made once and shown to all of them.

    Args:
        audit: what is exchanged, and the rules.
        variant: what the images show.
        model_input: images with their table.
        mattes: one a face; the background is exchanged where recipient and donor have a good one.
        matte_quality: which are good.
        models: ``{backbone}.model``, the checkpoint of each backbone.

    Returns:
        ``{backbone}.reliance`` (a table) and ``{backbone}.verdict`` (as JSON knows it) of each backbone,
        ``reliance_figure`` and ``interventions_figure``.
    """
    from looks_kedro.audit.report import report_of
    from looks_kedro.reporting.reliance_figure import reliance_figure, words_figure

    rows = part_rows(model_input, "test")
    labels, identities = rows["looks"].to_numpy(np.int64), rows["identity"].to_numpy(dtype=str)
    if rows.groupby("looks")["identity"].nunique().min() < 2:
        few = _few(audit, TestPart(model_input, rows, (0, 0, 0), mattes, matte_quality, False), models)
        words = "Too few people in the test part: nothing can be exchanged."
        return few | dict.fromkeys(("reliance_figure", "interventions_figure"), words_figure(words))
    named, notes = _channels(audit, variant, rows, matte_quality)
    notes += _same_people(model_input, rows)
    results: dict[str, Any] = {}
    tables: dict[str, pd.DataFrame] = {}
    for colour, checkpoints in _by_colour(models).items():
        test = TestPart(model_input, rows, colour, mattes, matte_quality, BEHIND[0] in named)
        for backbone, (answers, right) in _evaluated(audit, test, checkpoints, named).items():
            report = report_of(
                [answers], [right], labels, identities, rules=audit.rules, one_source=audit.one_source, notes=notes
            )
            results[f"{backbone}.reliance"] = report.reliance[columns("reliance")]
            results[f"{backbone}.verdict"] = report.as_dict()
            tables[f"{backbone}\n{report.verdict.verdict}"] = report.reliance
    results["reliance_figure"] = reliance_figure(tables, audit.rules)
    results["interventions_figure"] = _interventions(audit, test, labels, identities, named)
    return results


@dataclass(frozen=True, eq=False)
class TestPart:
    """The test part of a variant as networks see it, at its full size; each image is read when it is looked at.

    Attributes:
        model_input: the images.
        rows: of the test part.
        colour: RGB behind transparent pixels.
        cuts: mattes of the faces.
        quality: which of them are good.
        cut_out: whether mattes are wanted.
    """

    __test__ = False  # no test of pytest's

    model_input: ImageFolder
    rows: pd.DataFrame
    colour: tuple[int, ...]
    cuts: ImageFolder
    quality: pd.DataFrame
    cut_out: bool

    dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Image:
        return without_alpha(self.model_input.array(self.rows["file"].iloc[row]), self.colour)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S, 3)."""
        return (len(self), *self[0].shape)

    @cached_property
    def portraits(self) -> Any:
        """The images with their landmarks and, where they are wanted and good, their mattes: a ``PortraitSet``."""
        from looks_kedro.audit import PortraitSet

        landmarks = self.rows[list(CROP_LANDMARKS)].to_numpy(float).reshape(-1, 5, 2)
        if not self.cut_out:
            return PortraitSet(self, landmarks)
        return PortraitSet(self, landmarks, _Mattes(self), _cut_out_well(self.rows, self.quality))


@dataclass(frozen=True, eq=False)
class _Mattes:
    """The matte of each row; of a copy it is changed as the image was."""

    test: TestPart
    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.test.shape[:3]

    def __getitem__(self, row: int) -> Image:
        record = self.test.rows.iloc[row].to_dict()
        return copied_image(record, self.test.cuts.array(matte_file(record["parent"])))


def _channels(audit: Audit, variant: Variant, rows: pd.DataFrame, quality: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Channels that mean something for a variant, and a word on those that were left out."""
    from looks_kedro.audit import CHANNELS

    out: set[str] = set()
    if variant.kind in BLANK:
        out |= set(BEHIND)
    if variant.kind == "face_only":
        out |= set(BESIDE_THE_FACE)
    wanted = list(audit.channels or CHANNELS)
    left = [name for name in wanted if name in out]
    told = ", ".join(name.replace("_", " ") for name in left)
    notes = [f"Not tried, because these images show nothing there: {told}."] if left else []
    people = rows[_cut_out_well(rows, quality)].groupby("looks")["identity"].nunique()
    if BEHIND[0] in set(wanted) - out and (len(people) < 2 or people.min() < 2):
        out.add(BEHIND[0])
        notes.append("The background apart from clothes was not tried: too few people were cut out well.")
    return [name for name in wanted if name not in out], notes


def _cut_out_well(rows: pd.DataFrame, quality: pd.DataFrame) -> npt.NDArray[np.bool_]:
    good: npt.NDArray[np.bool_] = rows["parent"].isin(quality.loc[quality["passed"], "file"]).to_numpy()
    return good


def _same_people(model_input: ImageFolder, test: pd.DataFrame) -> list[str]:
    """A warning where people of the test are in the training part, too."""
    train = part_rows(model_input, "train")
    known = int(test["identity"].isin(train["identity"]).sum())
    told = "of people who are in the training part, too: the accuracy is not that of new people"
    return [f"{known} of {len(test)} test images are {told}."] if known else []


def _by_colour(models: dict[str, Checkpoint]) -> dict[tuple[int, ...], dict[str, Checkpoint]]:
    """Checkpoints by backbone, those apart that saw another colour behind transparent pixels."""
    found: dict[tuple[int, ...], dict[str, Checkpoint]] = {}
    for name, checkpoint in models.items():
        colour = tuple(checkpoint["metadata"]["alpha_colour"])
        found.setdefault(colour, {})[name.removesuffix(".model")] = checkpoint
    return found


def _evaluated(
    audit: Audit, test: TestPart, checkpoints: dict[str, Checkpoint], names: list[str]
) -> dict[str, tuple[Any, npt.NDArray[np.bool_]]]:
    """Each backbone's decisions on the edited images, and which are right on the images as they are."""
    from looks_kedro.audit import chosen_rows, evaluate_channels, evaluate_unedited

    models = _classifiers(audit, checkpoints)
    labels, identities = test.rows["looks"].to_numpy(np.int64), test.rows["identity"].to_numpy(dtype=str)
    right = evaluate_unedited(models, test.portraits, labels, audit.batch_size)
    answers = evaluate_channels(
        models,
        test.portraits,
        labels,
        identities,
        channels=names,
        recipients=chosen_rows(labels, identities, audit.images, audit.seed),
        draws=audit.draws,
        seed=audit.seed,
        batch_size=audit.batch_size,
        processes=audit.processes,
    )
    return {backbone: (answers[backbone], right[backbone]) for backbone in models}


def _few(audit: Audit, test: TestPart, models: dict[str, Checkpoint]) -> dict[str, Any]:
    """What can be said where a class of the test has a single person: how accurate each model is."""
    from looks_kedro.audit import evaluate_unedited
    from looks_kedro.audit.report import report_of_few

    labels, identities = test.rows["looks"].to_numpy(np.int64), test.rows["identity"].to_numpy(dtype=str)
    results: dict[str, Any] = {}
    for colour, checkpoints in _by_colour(models).items():
        shown = replace(test, colour=colour)
        right = evaluate_unedited(_classifiers(audit, checkpoints), shown.portraits, labels, audit.batch_size)
        for backbone, flags in right.items():
            report = report_of_few(flags, labels, identities, rules=audit.rules)
            assert report is not None
            log.warning("%s: %s", backbone, report.verdict.sentence)
            results[f"{backbone}.reliance"] = empty_table("reliance")
            results[f"{backbone}.verdict"] = report.as_dict()
    return results


def _classifiers(audit: Audit, checkpoints: dict[str, Checkpoint]) -> dict[str, Any]:
    from looks_kedro.audit import as_classifier
    from looks_kedro.learning import model_from_checkpoint
    from looks_kedro.learning.data import choose_device

    device = str(choose_device(audit.device))
    return {
        backbone: as_classifier(
            model_from_checkpoint(one), one["image_size"], one["mean"], one["std"], device, audit.batch_size
        )
        for backbone, one in checkpoints.items()
    }


def _interventions(
    audit: Audit, test: TestPart, labels: npt.NDArray[Any], identities: npt.NDArray[Any], names: list[str]
) -> Any:
    """Every edit on one image, before and after."""
    from looks_kedro.audit.donors import draw_donors
    from looks_kedro.audit.pictures import channels_sheet

    usable = test.portraits.with_matte if test.cut_out else None
    donors = draw_donors(labels, identities, seed=audit.seed, usable=usable)
    row = int(np.flatnonzero(labels[donors.recipients] == 1)[0])
    chosen = donors.recipients[row], donors.same[0, row], donors.other[0, row]
    recipient, same, other = (test.portraits.portrait(int(one)) for one in chosen)
    return channels_sheet((recipient, same, other), names)
