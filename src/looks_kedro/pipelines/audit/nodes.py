"""Nodes of the audit pipeline."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.tables import columns, empty_table

from .judging import BEHIND, by_colour, channels_to_try, classifiers, evaluated, penultimate
from .parameters import Audit
from .shown import ShownImages

log = logging.getLogger(__name__)

Checkpoint = dict[str, Any]
Flags = npt.NDArray[np.bool_]


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
    from looks_kedro.audit.leak import notes_on_known
    from looks_kedro.audit.report import report_of
    from looks_kedro.reporting.reliance_figure import reliance_figure, words_figure

    rows = part_rows(model_input, "test")
    checkpoints = {name.removesuffix(".model"): one for name, one in models.items()}
    known = people_in_training(model_input, rows)
    if rows.groupby("looks")["identity"].nunique().min() < 2:
        few = _few(audit, ShownImages(model_input, rows, (), mattes, matte_quality, False), checkpoints, known)
        words = "Too few people in the test part: nothing can be exchanged."
        return few | dict.fromkeys(("reliance_figure", "interventions_figure"), words_figure(words))
    named, notes = channels_to_try(audit, variant, rows, matte_quality)
    notes += notes_on_known(rows, known)
    results: dict[str, Any] = {}
    tables: dict[str, pd.DataFrame] = {}
    for colour, group in by_colour(checkpoints).items():
        test = ShownImages(model_input, rows, colour, mattes, matte_quality, BEHIND[0] in named)
        for backbone, (answers, right) in evaluated(audit, test, group, named).items():
            report = report_of(
                [answers],
                [right],
                test.labels,
                test.identities,
                rules=audit.rules,
                leak=_leak(audit, rows, right, known),
                apart=not known.any(),
                one_source=audit.one_source,
                feature_leak=_feature_leak(audit, test, group[backbone], known),
                notes=notes,
            )
            results[f"{backbone}.reliance"] = report.reliance[columns("reliance")]
            results[f"{backbone}.verdict"] = report.as_dict()
            tables[f"{backbone}\n{report.verdict.verdict}"] = report.reliance
    results["reliance_figure"] = reliance_figure(tables, audit.rules)
    results["interventions_figure"] = _interventions(audit, test, named)
    return results


def people_in_training(model_input: ImageFolder, test: pd.DataFrame) -> Flags:
    """Which rows of a test part show people who are in the training part, too (N,)."""
    known: Flags = test["identity"].isin(part_rows(model_input, "train")["identity"]).to_numpy()
    return known


def _leak(audit: Audit, test: pd.DataFrame, right: Flags, known: Flags) -> Any:
    """The gap between people of the training and new ones; none where the test does not show enough of both."""
    from looks_kedro.audit.leak import can_be_compared, leak_gap

    if not can_be_compared(test, known):
        return None
    table = test[["looks", "identity"]].assign(correct=right)
    return leak_gap(table[known], table[~known], audit.rules.error_rate)


def _feature_leak(audit: Audit, test: ShownImages, checkpoint: Checkpoint, known: Flags) -> Any:
    """How much a split at random would flatter this network, told by its features of people it has not met."""
    from looks_kedro.audit import chosen_rows
    from looks_kedro.audit.leak import feature_leak_gap
    from looks_kedro.audit.repair import features_of

    if not audit.feature_leak or known.any():
        return None
    shown = test.chosen(chosen_rows(test.labels, test.identities, audit.images, audit.seed))
    try:
        features = features_of(penultimate(checkpoint, audit.device, audit.batch_size), shown, audit.batch_size)
        rate = audit.rules.error_rate
        return feature_leak_gap(features, shown.labels, shown.identities, seed=audit.seed, error_rate=rate)
    except (BadInputError, BadParameterError) as error:
        log.warning("The leak of the features was not measured: %s", error)
        return None


def _few(audit: Audit, test: ShownImages, checkpoints: dict[str, Checkpoint], known: Flags) -> dict[str, Any]:
    """What can be said where a class of the test has a single person: how accurate each model is."""
    from looks_kedro.audit import evaluate_unedited
    from looks_kedro.audit.leak import notes_on_known
    from looks_kedro.audit.report import report_of_few

    results: dict[str, Any] = {}
    for colour, group in by_colour(checkpoints).items():
        shown = replace(test, colour=colour)
        models = classifiers(group, audit.device, audit.batch_size)
        right = evaluate_unedited(models, shown.portraits, shown.labels, audit.batch_size)
        for backbone, flags in right.items():
            report = report_of_few(
                flags, shown.labels, shown.identities, rules=audit.rules, notes=notes_on_known(test.rows, known)
            )
            assert report is not None
            log.warning("%s: %s", backbone, report.verdict.sentence)
            results[f"{backbone}.reliance"] = empty_table("reliance")
            results[f"{backbone}.verdict"] = report.as_dict()
    return results


def _interventions(audit: Audit, test: ShownImages, names: list[str]) -> Any:
    """Every edit on one image, before and after."""
    from looks_kedro.audit.donors import draw_donors
    from looks_kedro.audit.pictures import channels_sheet

    usable = test.portraits.with_matte if test.cut_out else None
    labels = test.labels
    donors = draw_donors(labels, test.identities, seed=audit.seed, usable=usable)
    row = int(np.flatnonzero(labels[donors.recipients] == 1)[0])
    chosen = donors.recipients[row], donors.same[0, row], donors.other[0, row]
    recipient, same, other = (test.portraits.portrait(int(one)) for one in chosen)
    return channels_sheet((recipient, same, other), names)
