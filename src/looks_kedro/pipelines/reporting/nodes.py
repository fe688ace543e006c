"""Nodes of the reporting pipeline."""

from dataclasses import asdict
from typing import Any, Literal

import pandas as pd

from looks_kedro.balancing import is_copy, leak_table
from looks_kedro.datasets import ImageFolder
from looks_kedro.pipelines.audit.parameters import Audit
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.pipelines.explainability.parameters import Explainability
from looks_kedro.pipelines.parts import mean_face, part_rows, seen_image, spread
from looks_kedro.reporting import count_images, data_counts, study_table, summary_table
from looks_kedro.tables import columns

from .parameters import Reporting

CLASSES = {"celebrities": 1, "ordinary": 0}


def collect_results(
    reporting: Reporting, explainability: Explainability, audit: Audit, model_input: ImageFolder, **artefacts: Any
) -> tuple[dict[str, Any], Any]:
    """Gather what the page shows of one variant.

    Args:
        reporting: number of examples.
        explainability: the style of the maps.
        audit: its rules.
        model_input: images of the variant with their table.
        artefacts: ``{backbone}.history``, ``.predictions``, ``.performance``, ``.calibration``,
            ``.calibration_summary``, ``.attention``, ``.maps``, ``.cams``, ``.average_cam``, ``.reliance``,
            ``.verdict`` of each backbone.

    Returns:
        What JSON can hold (histories and summary as rows, pictures as ``data:`` addresses), and the figure of the
        averaged maps.
    """
    from looks_kedro.learning import reliability_figure
    from looks_kedro.reporting.page import figure_picture

    by_kind: dict[str, dict[str, Any]] = {}
    for name, value in artefacts.items():
        backbone, _, kind = name.rpartition(".")
        by_kind.setdefault(kind, {})[backbone] = value
    maps, cams, predictions = by_kind["maps"], by_kind["cams"], by_kind["predictions"]
    figure = _average_figure(maps, model_input, explainability.style)
    singles = {name: _singles(cams[name], predictions[name], reporting.examples) for name in cams}
    results = {
        "histories": _records(by_kind["history"]),
        "summary": _plain(
            summary_table(*(by_kind[kind] for kind in ("performance", "calibration_summary", "attention", "verdict")))
        ),
        "performance": _records(by_kind["performance"]),
        "calibration": asdict(figure_picture(reliability_figure(by_kind["calibration"]), "Reliability of each model")),
        "examples": _examples(model_input, next(iter(maps.values())), reporting.examples),
        "averages": asdict(figure_picture(figure, "Averaged maps: a column a model, a row a class")),
        "average_of": {
            name: _figures(figures, f"averaged map of {name}") for name, figures in by_kind["average_cam"].items()
        },
        "singles": singles,
        "verdicts": by_kind["verdict"],
        "reliance": _reliance_picture(by_kind["reliance"], by_kind["verdict"], audit),
    }
    return results, figure


def tabulate(**results: Any) -> pd.DataFrame:
    """Accuracies of all models by epoch, beside the published ones.

    Args:
        results: ``{variant}.results`` of each variant.

    Returns:
        The study table.
    """
    return study_table(_histories(results))


def summarise(**results: Any) -> pd.DataFrame:
    """One line a model.

    Args:
        results: ``{variant}.results`` of each variant.

    Returns:
        The summary table.
    """
    rows = [{"variant": variant, **row} for variant, one in _variants(results).items() for row in one["summary"]]
    return _table(rows)[columns("summary")]


def count_data(
    acquisition_log: pd.DataFrame,
    rejections: pd.DataFrame,
    labels: pd.DataFrame,
    matte_quality: pd.DataFrame,
    split_table: pd.DataFrame,
    background: Background,
) -> pd.DataFrame:
    """Count the images of each class from those found to those that the models see, by reason.

    Args:
        acquisition_log: images tried.
        rejections: images refused, with reasons.
        labels: frontal faces.
        matte_quality: which were cut out well.
        split_table: the images that the models see.
        background: whether faces that were cut out badly were left out.

    Returns:
        Table ``funnel``.
    """
    table = count_images(
        acquisition_log,
        rejections,
        labels,
        matte_quality,
        split_table,
        reject_mattes=background.reject == "before_balancing",
    )
    return table[columns("funnel")]


def write_report(
    reporting: Reporting,
    explainability: Explainability,
    funnel: pd.DataFrame,
    split_table: pd.DataFrame,
    study_table: pd.DataFrame,
    summary: pd.DataFrame,
    fairface_model: dict[str, Any] | None = None,
    **results: Any,
) -> str:
    """Put everything on one page.

    Args:
        reporting: title.
        explainability: the style of the maps.
        funnel: images found, lost and copied.
        split_table: the images that the models see.
        study_table: accuracies by epoch.
        summary: one line a model.
        fairface_model: what custom started from, where it is among the models.
        results: ``{variant}.results`` of each variant.

    Returns:
        The HTML text.
    """
    from looks_kedro.reporting.figures import learning_curves
    from looks_kedro.reporting.page import ModelPart, Picture, Report, figure_picture, render_page

    variants = _variants(results)
    models = [
        ModelPart(
            variant,
            backbone,
            study_table[(study_table["variant"] == variant) & (study_table["backbone"] == backbone)],
            {name: [Picture(**picture) for picture in pictures] for name, pictures in singles.items()},
            [Picture(**picture) for picture in one["average_of"][backbone]],
            _table(one["performance"][backbone]),
        )
        for variant, one in variants.items()
        for backbone, singles in one["singles"].items()
    ]
    report = Report(
        title=reporting.title,
        summary=summary,
        counts=data_counts(funnel, split_table),
        examples={
            variant: {name: [Picture(**picture) for picture in shown] for name, shown in one["examples"].items()}
            for variant, one in variants.items()
        },
        curves=figure_picture(learning_curves(_histories(results)), "Accuracy by epoch of each model"),
        averages={variant: Picture(**one["averages"]) for variant, one in variants.items()},
        reliance={
            variant: Picture(**one["reliance"]) for variant, one in variants.items() if one["reliance"] is not None
        },
        verdicts={(variant, name): said for variant, one in variants.items() for name, said in one["verdicts"].items()},
        calibration={variant: Picture(**one["calibration"]) for variant, one in variants.items()},
        models=models,
        style=explainability.style,
        notes=_notes(split_table, fairface_model),
    )
    return render_page(report)


def _reliance_picture(tables: dict[str, pd.DataFrame], verdicts: dict[str, Any], audit: Audit) -> dict[str, str] | None:
    """The picture of what each model relies on; none where nothing could be exchanged."""
    from looks_kedro.reporting.page import figure_picture
    from looks_kedro.reporting.reliance_figure import reliance_figure

    drawn = {f"{name}\n{verdicts[name]['verdict']}": table for name, table in tables.items() if len(table)}
    if not drawn:
        return None
    return asdict(figure_picture(reliance_figure(drawn, audit.rules), "Reliance of each model on each channel"))


def _records(tables: dict[str, pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    return {name: _plain(table) for name, table in tables.items()}


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows that JSON can hold: what is missing is null there."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The table of such rows."""
    table = pd.DataFrame(rows)
    numbers = [name for name in table.columns if not table[name].map(lambda value: isinstance(value, str)).any()]
    return table.astype({name: float for name in numbers if table[name].isna().any()})


def _variants(results: dict[str, Any]) -> dict[str, Any]:
    return {name.removesuffix(".results"): one for name, one in results.items()}


def _histories(results: dict[str, Any]) -> dict[tuple[str, str], pd.DataFrame]:
    return {
        (variant, backbone): _table(rows)
        for variant, one in _variants(results).items()
        for backbone, rows in one["histories"].items()
    }


def _average_figure(maps: dict[str, Any], model_input: ImageFolder, style: Literal["published", "difference"]) -> Any:
    from looks_kedro.cam.styles import drawn_maps
    from looks_kedro.reporting.figures import AverageMap, average_grid

    rows = part_rows(model_input, "test")
    averages: dict[str, dict[str, AverageMap]] = {backbone: {} for backbone in maps}
    for name, looks in CLASSES.items():
        chosen = (rows["looks"] == looks).to_numpy()
        face = mean_face(model_input, rows.loc[chosen, "file"].tolist(), next(iter(maps.values())))
        for backbone, one in maps.items():
            heat = drawn_maps(one["by_class"][chosen], rows.loc[chosen, "looks"].to_numpy(), style)
            averages[backbone][name] = AverageMap(heat.mean(axis=0), face)
    return average_grid(averages, style)


def _figures(figures: dict[str, Any], words: str) -> list[dict[str, str]]:
    """The averaged map of each class; the divisions of the classes stay in their files."""
    from looks_kedro.reporting.page import image_picture

    return [
        asdict(image_picture(figure, f"{words}, {name.removesuffix('.png')}", side=520))
        for name, figure in figures.items()
        if name.removesuffix(".png") in CLASSES
    ]


def _examples(model_input: ImageFolder, maps: dict[str, Any], most: int) -> dict[str, Any]:
    from looks_kedro.reporting.page import image_picture

    rows = part_rows(model_input, "train")
    shown = {}
    for name, looks in CLASSES.items():
        files = spread(rows.loc[(rows["looks"] == looks) & ~is_copy(rows), "file"].tolist(), most)
        images = [(file, seen_image(model_input, file, maps)) for file in files]
        shown[name] = [asdict(image_picture(image, f"training image {file}")) for file, image in images]
    return shown


def _singles(cams: ImageFolder, predictions: pd.DataFrame, most: int) -> dict[str, Any]:
    """Maps of each class: the wrong answers first, then evenly from the most to the least certain."""
    from looks_kedro.reporting.page import image_picture

    drawn = predictions[predictions["file"].isin(cams.names)]
    shown = {}
    for name, looks in CLASSES.items():
        rows = drawn[drawn["looks"] == looks].sort_values(["correct", "probability"], ascending=[True, looks == 0])
        wrong = rows[~rows["correct"]].head(most // 2)
        right = rows[rows["correct"]].iloc[spread(list(range(int(rows["correct"].sum()))), most - len(wrong))]
        shown[name] = [
            asdict(
                image_picture(
                    cams.array(row["file"]),
                    f"map of {row['file']}",
                    f"{'right' if row['correct'] else 'wrong'}, celebrity {row['probability']:.2f}",
                )
            )
            for row in pd.concat([wrong, right]).to_dict("records")
        ]
    return shown


STARTS = {
    "file": "The custom model starts from a file of FairFace weights.",
    "labels": "The custom model starts from a network that learned age, gender and race from labelled faces of "
    "this run, of nobody in the test part; the study's started from FairFace's own.",
    "untrained": "No face had an age, gender or race to pretrain on: the custom model starts from random weights, "
    "and is one more fresh ResNet34.",
}


def _notes(split_table: pd.DataFrame, fairface_model: dict[str, Any] | None) -> list[str]:
    people = split_table.groupby("looks")["identity"].nunique()
    leaking = int(leak_table(split_table).query("unit == 'group'")["leaking"].sum())
    order = (
        "No person is in both parts; only training images are copied. The published study mirrored first and split at "
        "random, so its accuracies are not those of new people."
        if leaking == 0
        else f"The parts leak: {leaking} of {int((split_table['part'] == 'test').sum())} test images show a person or "
        "picture that is in the training part too, as in the published study (balancing.protocol). The accuracies are "
        "not those of new people."
    )
    start = [STARTS[fairface_model["metadata"]["origin"]]] if fairface_model is not None else []
    return [
        *start,
        order,
        f"{people.get(1, 0)} celebrities and {people.get(0, 0)} ordinary people; the test part decides nothing about "
        "the training: each model is that of its last epoch.",
        "The face is an ellipse through the landmarks. The share of the evidence is that of the positive evidence for "
        "the predicted class, in the signed map of the difference of the logits.",
        "Published numbers are those of the study's tables, on its own images; they stand here for comparison of form.",
    ]
