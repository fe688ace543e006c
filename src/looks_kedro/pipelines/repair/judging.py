"""The audit before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.audit.judging import BEHIND, by_colour, channels_to_try, classifiers, evaluated
from looks_kedro.pipelines.audit.parameters import Audit
from looks_kedro.pipelines.audit.shown import ShownImages
from looks_kedro.tables import columns

from .targets import METHODS

__all__ = ["judged_repairs"]


def judged_repairs(audit: Audit, variant: Variant, shown: ShownImages, artefacts: Mapping[str, Any]) -> pd.DataFrame:
    """Table ``repair``: a row a model, repair and channel that a repair of this model was aimed at.

    Models of which nothing was repaired are not audited again; their row says why.

    Args:
        audit: what is exchanged, and the rules.
        variant: what the images show.
        shown: images of people whom no repair has seen.
        artefacts: ``{backbone}.model``, ``.repaired_last_layer``, ``.repaired_backgrounds`` and ``.verdict``.
    """
    backbones = [name.removesuffix(".model") for name in artefacts if name.endswith(".model")]
    told: dict[tuple[str, str], dict[str, Any]] = {
        (name, method): artefacts[f"{name}.repaired_{method}"]["metadata"]["repair"]
        for name in backbones
        for method in METHODS
    }
    models: dict[str, Any] = {}
    for backbone in backbones:
        done = [method for method in METHODS if told[backbone, method]["done"]]
        if done:
            models[_name(backbone, "none")] = artefacts[f"{backbone}.model"]
        models |= {_name(backbone, method): artefacts[f"{backbone}.repaired_{method}"] for method in done}
    reports = _reports(audit, variant, shown, models)
    rows: list[dict[str, Any]] = []
    for backbone in backbones:
        aims = [told[backbone, method].get("channel") for method in METHODS]
        channels = list(dict.fromkeys(channel for channel in aims if channel is not None))
        for repair in ("none", *METHODS):
            report = reports.get(_name(backbone, repair))
            reason = "" if repair == "none" else told[backbone, repair].get("reason", "")
            if report is not None:
                rows += [_row(backbone, repair, report, channel) for channel in channels]
            elif repair == "none" or (reason and not reason.startswith("not chosen")):
                verdict = artefacts[f"{backbone}.verdict"]["verdict"] if repair == "none" else "not repaired"
                rows.append(_empty(backbone, repair, verdict, reason or "nothing was repaired"))
    return pd.DataFrame(rows)[columns("repair")]


def _reports(audit: Audit, variant: Variant, shown: ShownImages, models: Mapping[str, Any]) -> dict[str, Any]:
    """The audit's report on each model, before and after, with the same edits for all."""
    from looks_kedro.audit import evaluate_unedited
    from looks_kedro.audit.report import report_of, report_of_few

    names, _ = channels_to_try(audit, variant, shown.rows, shown.quality)
    reports: dict[str, Any] = {}
    for colour, group in by_colour(models).items():
        test = replace(shown, colour=colour, cut_out=BEHIND[0] in names)
        labels, identities = test.labels, test.identities
        if test.rows.groupby("looks")["identity"].nunique().min() < 2:
            networks = classifiers(group, audit.device, audit.batch_size)
            right = evaluate_unedited(networks, test.portraits, labels, audit.batch_size)
            reports |= {
                name: report_of_few(flags, labels, identities, rules=audit.rules) for name, flags in right.items()
            }
            continue
        for name, (answers, flags) in evaluated(audit, test, group, names).items():
            reports[name] = report_of(
                [answers], [flags], labels, identities, rules=audit.rules, one_source=audit.one_source
            )
    return reports


def _name(backbone: str, repair: str) -> str:
    return f"{backbone}, {repair}"


def _row(backbone: str, repair: str, report: Any, channel: str) -> dict[str, Any]:
    accuracy = report.balanced_accuracy
    row = _empty(backbone, repair, str(report.verdict.verdict), "") | {
        "images": report.images,
        "identities": report.identities,
        "balanced_accuracy": accuracy.value,
        "balanced_accuracy_low": accuracy.low,
        "balanced_accuracy_high": accuracy.high,
        "channel": channel,
    }
    found = report.reliance[report.reliance["channel"] == channel]
    if len(found):
        one = found.iloc[0]
        row |= {"reliance": one["reliance"], "reliance_low": one["low"], "reliance_high": one["high"]}
        row["note"] = str(one["note"])
    else:
        row["note"] = "the reliance was not measured on these images"
    return row


def _empty(backbone: str, repair: str, verdict: str, note: str) -> dict[str, Any]:
    numbers = ("balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high", "reliance", "reliance_low",
               "reliance_high")  # fmt: skip
    row = {"backbone": backbone, "repair": repair, "images": 0, "identities": 0, "channel": ""}
    return row | dict.fromkeys(numbers, np.nan) | {"verdict": verdict, "note": note}
