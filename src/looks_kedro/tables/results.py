"""Tables of the results: layers 06 to 08, from the training's history to the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from looks_kedro.tables.kinds import (
    column,
    file_key,
    looks,
    number,
    text,
    whole,
    word,
)

if TYPE_CHECKING:
    import pandera.pandas as pa

Columns = dict[str, "pa.Column"]


def result_tables() -> dict[str, Columns]:
    """Columns of each table of the results, by the table's name."""
    ours = _training() | _predictions() | _maps() | _audit() | _known_answers()
    return ours | _photos() | _reporting() | _comparison()


def _training() -> dict[str, Columns]:
    losses: Columns = {}
    for part, missing in (("train", False), ("validation", True), ("test", False)):
        losses |= {f"{part}_loss": number(0, missing=missing), f"{part}_accuracy": number(0, 1, missing=missing)}
    history = {"epoch": whole()} | losses
    history |= {name: number(0, 1, missing=True) for name in ("test_balanced_accuracy", "test_auc")}
    history |= {name: number(0) for name in ("learning_rate", "seconds", "images_per_second", "peak_memory_mb")}
    cost = {"minutes": number(0), "train_loss": number(0)}
    cost |= {f"{part}_accuracy_percent": number(0, 100) for part in ("train", "test")}
    published = {f"published_{name}": number(0, missing=True) for name in cost}
    return {
        "history": history,
        "fairface_history": history,
        "fairface_accuracy": {"attribute": word("race", "gender", "age"), "value": text(True), "images": whole()}
        | {name: number(0, 1, missing=True) for name in ("accuracy", "low", "high")},
        "cost_table": {"setting": text(True), "epochs": whole(1), "batch_size": whole(1), "workers": whole()}
        | cost | published,
        "savings_table": {"option": text(True), "description": text(True),
                          "images_per_second": number(0, missing=True), "ratio": number(0, missing=True),
                          "note": text()},
    }  # fmt: skip


def _predictions() -> dict[str, Columns]:
    result = {"file": file_key(), "looks": looks(), "identity": text(True)}
    logits = {"logit_ordinary": number(), "logit_celebrity": number(), "probability": number(0, 1)}
    group = {"attribute": word("all", "gender", "race", "age"), "value": text(True)}
    group |= {name: whole() for name in ("images", "identities", "celebrities", "ordinary")}
    for metric in ("accuracy", "balanced_accuracy", "auc"):
        group |= {name: number(0, 1, missing=True) for name in _interval(metric)}
    error = ("calibration_error", "calibration_error_low", "calibration_error_high")
    return {
        "predictions": result | logits | {"predicted": looks(), "correct": column("flag")},
        "performance": group,
        "calibration": {"bin": whole(1), "low": number(0, 1), "high": number(0, 1), "images": whole()}
        | {name: number(0, 1, missing=True) for name in ("mean_probability", "celebrity_share", "share_low",
                                                         "share_high")},
        "calibration_summary": {"images": whole(1)}
        | {name: number(0, 1, missing=True) for name in (*_interval("brier"), *error)}
        | {"temperature": number(0, missing=True), "calibrated_error": number(0, 1, missing=True)},
        "attention": result | {"predicted": looks(), "share": number(0, 1, missing=True), "area": number(0, 1),
                               "ratio": number(0, missing=True)},
    }  # fmt: skip


def _photos() -> dict[str, Columns]:
    reasons = ("unreadable", "no_face", "several_faces", "too_small", "side_view", "bad_cutout")
    face = ("eyes", "brows", "nose", "mouth", "forehead", "cheeks", "jaw")
    regions = (*face, "hair", "neck_and_clothes", "background_left", "background_right", "background_top")
    head = {"file": file_key(), "status": word("kept", "refused"), "reason": word(*reasons, unknown=True)}
    head |= {"detail": text(), "variant": text(True), "backbone": text(True), "predicted": text()}
    head |= {name: number(0, 1, missing=True) for name in ("probability", "calibrated_probability")}
    head |= {"verdict": text(True), "warning": text(), "picture": text()}
    head |= {name: number(missing=True) for name in ("logit_ordinary", "logit_celebrity")}
    shares = {f"{name}_{kind}": number(0, 1, missing=True) for kind in ("share", "area") for name in regions}
    return {"photo_predictions": head | shares}


def _maps() -> dict[str, Columns]:
    people = {"class": word("celebrities", "ordinary", "all"), "images": whole(), "identities": whole()}
    ratio = {name: number(0, missing=True) for name in _interval("ratio")}
    return {
        "region_attention": {"region": text(True)} | people
        | {name: number(0, 1, missing=True) for name in (*_interval("share"), "area")} | ratio,
        "padding": people
        | {name: number(-1, 1, missing=True) for part in ("correlation", "right_minus_left", "staying")
           for name in _interval(part)},
        "sanity": {"layer": text(True), "images": whole()}
        | {name: number(-1, 1, missing=True) for name in ("correlation", "low", "high")},
    }  # fmt: skip


def _audit() -> dict[str, Columns]:
    kinds = word("face", "local", "surround", "image", "identity")
    return {
        "reliance": {"channel": text(True), "kind": kinds, "images": whole(), "identities": whole()}
        | {name: number(0, 1, missing=True) for name in ("balanced_accuracy", "same", "random")}
        | {name: number(missing=True) for name in ("reliance", "low", "high", "pointwise_low", "pointwise_high")}
        | {"defined": column("flag"), "control": number(missing=True), "flip_rate": number(0, 1, missing=True),
           "note": text()},
        "companions": {"companion": text(True), "input": text(True)}
        | {name: number(0, 1, missing=True) for name in ("balanced_accuracy", "low", "high", "auc", "p_value")}
        | {"images": whole(), "identities": whole(), "flagged": column("flag"), "note": text()},
        "controls": {"backbone": text(True), "control": text(True), "images": whole()}
        | {name: number(-1, 1, missing=True) for name in ("balanced_accuracy", "low", "high")} | {"note": text()},
        "repair": {"backbone": text(True), "repair": word("none", "last_layer", "backgrounds"), "images": whole(),
                   "identities": whole()}
        | {name: number(0, 1, missing=True) for name in _interval("balanced_accuracy")}
        | {"channel": text()} | {name: number(missing=True) for name in _interval("reliance")}
        | {"verdict": text(True), "note": text()},
    }  # fmt: skip


def _known_answers() -> dict[str, Columns]:
    return {
        "known_cases": {name: text(True) for name in ("case", "kind", "half", "backbone")}
        | {"balanced_accuracy": number(0, 1), "flips": text(), "truth": text(),
           "verdict": text(), "channels": text(), "correct": column("flag")}
        | {f"{name}_score": number(missing=True) for name in ("heatmap", "cleanlab", "properties")}
        | {f"{name}_seconds": number(0) for name in ("drawing", "training", "key", "judge", "baselines")},
        "known_scores": {"method": text(True), "score": text(True), "hits": whole(), "cases": whole()}
        | {name: number(missing=True) for name in ("value", "low", "high", "goal", "goal_limit")},
        "known_confusion": {"truth": text(True), "verdict": text(True), "cases": whole()},
    }  # fmt: skip


def _reporting() -> dict[str, Columns]:
    cell = {"variant": text(True), "backbone": text(True)}
    measured = ("accuracy", *_interval("balanced_accuracy"), "auc", "calibration_error", "face_share", "face_area")
    ours = {f"{part}_accuracy_percent": number(0, 100) for part in ("train", "test")}
    published = {f"published_{name}": number(0, 100, missing=True) for name in ours}
    return {
        "funnel": {"class": word("celebrities", "ordinary"), "step": text(True), "reason": text(),
                   "count": column("whole")},
        "study_table": cell | {"epoch": whole()} | ours | {"published_table": number(1, 10, missing=True)} | published,
        "summary": cell | {"test_images": whole(), "test_identities": whole()}
        | {name: number(0, 1, missing=True) for name in measured} | {"face_ratio": number(0, missing=True)}
        | {"verdict": text(True), "channels": text(), "sentence": text(True)},
    }  # fmt: skip


def _comparison() -> dict[str, Columns]:
    numbers = ("value", "low", "high")
    apart = ("difference", "difference_low", "difference_high")
    return {
        "comparison_runs": {name: text(True) for name in ("run", "folder", "version", "env", "pipelines", "outcome")}
        | {"commit": text(), "changes": column("flag"), "nodes": whole(), "seconds": number(0)},
        "comparison_parameters": {"part": word("parameter", "data", "code", "package", "machine"), "name": text(True),
                                  "run": text(True), "value": text(), "changed": column("flag")},
        "comparison_results": {"variant": text(True), "backbone": text(True), "measure": text(True), "detail": text(),
                               "run": text(True)}
        | {name: number(missing=True) for name in numbers} | {"text": text()}
        | {name: number(missing=True) for name in apart}
        | {"basis": word("paired", "independent", "same", unknown=True), "changed": column("flag")},
    }  # fmt: skip


def _interval(metric: str) -> tuple[str, str, str]:
    return metric, f"{metric}_low", f"{metric}_high"
