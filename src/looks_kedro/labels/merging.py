"""Who says what of a face, and whose word counts.

Corrections count before people, people before the labels of the sources, these before predictions; each attribute
(age, gender, race) is settled by itself.
"""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pandas as pd

from looks_kedro.labels.ages import age_on_photo, read_date
from looks_kedro.labels.settings import Labeling
from looks_kedro.tables import columns, empty_table

logger = logging.getLogger(__name__)

ATTRIBUTES = ("age", "gender", "race")
CORRECTIONS, PEOPLE, NETWORK = "corrections", "people", "fairface network"
SOURCE_DATE, EXIF, REFERENCE = "source date", "exif", "reference date"


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labels, and what could not be used for them.

    Attributes:
        labels: table ``labels``, one row a kept face, in the order of the face table.
        problems: table ``label_rejections``: dates and corrections that were set aside, by table, row and column
            (the header is row 1).
    """

    labels: pd.DataFrame
    problems: pd.DataFrame


def label_faces(
    face_table: pd.DataFrame,
    source_labels: pd.DataFrame,
    people: pd.DataFrame,
    label_corrections: pd.DataFrame,
    settings: Labeling,
    *,
    today: date,
) -> Labelled:
    """Put age, gender and race beside each kept face.

    The age of a celebrity with a birth date is that on the day of the photo: the date that the source gives, else
    the camera's (EXIF), else the reference date. Impossible dates are set aside and the next one is used.

    Args:
        face_table: the faces; those that are not ``kept`` are left out.
        source_labels: what the sources say of their images.
        people: what is known of celebrities, by identity; may be empty.
        label_corrections: attributes by the face's ``file``, empty where they stay; may be empty.
        settings: the reference date.
        today: photos of a later day are impossible.

    Returns:
        The labels with the problems. ``label_source`` joins by ``+`` the names of all that gave something: of
        ``corrections``, ``people``, the date behind an age (``source date``, ``exif``, ``reference date``) and the
        source's label file; "" where nothing is known.
    """
    faces = face_table.reset_index(drop=True)
    faces = faces.assign(_row=faces.index + 2)[faces["kept"].to_numpy()].reset_index(drop=True)
    said = source_labels.assign(_source_row=range(2, len(source_labels) + 2)).rename(
        columns={"file": "raw_file", "photo_date": "source_date"}
    )
    faces = faces.merge(said, on=["raw_file", "looks"], how="left", validate="many_to_one")
    texts = [*ATTRIBUTES, "label_source", "source_date"]
    faces[texts] = faces[texts].fillna("")

    known, dates, problems = _of_people(faces, people, settings.reference_date or "", today)
    corrected, more = _of_corrections(faces, face_table, label_corrections)
    values = pd.DataFrame("", index=faces.index, columns=list(ATTRIBUTES), dtype=object)
    names = []
    for layer, name in ((corrected, CORRECTIONS), (known, PEOPLE), (faces, "")):
        given = (values == "") & (layer[list(ATTRIBUTES)] != "")
        values = values.mask(given, layer[list(ATTRIBUTES)])
        used = given.any(axis=1)
        names.append([(name or row or "source labels") if use else ""
                      for use, row in zip(used, faces["label_source"], strict=True)])  # fmt: skip
        if layer is known:
            names.append([date_name if use else "" for use, date_name in zip(given["age"], dates, strict=True)])
    labels = faces.assign(
        **{name: values[name].astype("str") for name in ATTRIBUTES},
        **{f"{name}_probability": float("nan") for name in ATTRIBUTES},
        label_source=pd.Series(["+".join(filter(None, given)) for given in zip(*names, strict=True)], dtype="str"),
    )
    told = _problem_table([*problems, *more])
    _tell(labels, told)
    return Labelled(labels[columns("labels")], told)


def incomplete(labels: pd.DataFrame) -> list[str]:
    """Files of the faces whose age, gender or race is unknown."""
    return labels.loc[(labels[list(ATTRIBUTES)] == "").any(axis=1), "file"].to_list()


def add_predictions(labels: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Fill what is unknown with what a network predicts; what is known stays.

    Args:
        labels: table ``labels``.
        predictions: columns ``file``, ``age``, ``gender``, ``race`` and ``age_probability`` and so on, in 0..1.

    Returns:
        The labels, with the probability (four decimals) of each predicted attribute and ``fairface network`` in the
        ``label_source`` of each face that has one.
    """
    said = predictions.set_index("file").reindex(labels["file"]).reset_index(drop=True)
    result = labels.reset_index(drop=True)
    used = pd.Series(False, index=result.index)
    for name in ATTRIBUTES:
        given = (result[name] == "") & said[name].notna() & (said[name] != "")
        result[name] = result[name].mask(given, said[name]).astype("str")
        probability = said[f"{name}_probability"].round(4)
        result[f"{name}_probability"] = result[f"{name}_probability"].mask(given, probability)
        used |= given
    joined = (result["label_source"] + "+" + NETWORK).str.removeprefix("+")
    result["label_source"] = result["label_source"].mask(used, joined).astype("str")
    logger.info("%d faces got something from the network", int(used.sum()))
    return result


# --- people ----------------------------------------------------------------------------------------------------------


def _of_people(
    faces: pd.DataFrame, people: pd.DataFrame, reference: str, today: date
) -> tuple[pd.DataFrame, list[str], list[dict[str, Any]]]:
    """What people say of each face, the name of the date behind its age, and what was set aside."""
    rows = {_plain(row["identity"]): row | {"row": number}
            for number, row in enumerate(people.to_dict("records"), 2)}  # fmt: skip
    known: list[tuple[str, str, str]] = []
    dates: list[str] = []
    problems: list[dict[str, Any]] = []

    age_of = cache(age_on_photo)
    for face in faces.to_dict("records"):
        person = rows.get(_plain(face["identity"])) if face["looks"] == 1 else None
        age, date_name = "", ""
        if person is not None and person["birth_date"]:
            birth = read_date(person["birth_date"])
            why = "no such date" if birth is None else "in the future" if birth.first > today else ""
            if birth is None or why:
                problems.append(_cell("people", person["row"], "birth_date", "", person["birth_date"], why))
            else:
                photo = ((SOURCE_DATE, face["source_date"]), (EXIF, face["photo_date"]), (REFERENCE, reference))
                found = age_of(birth, photo, today)
                age, date_name = found.group, found.source
                problems += [_date_problem(face, person, *refused) for refused in found.refused]
        known.append((age, person["gender"], person["race"]) if person else ("", "", ""))
        dates.append(date_name)
    _tell_of_people(faces, people, rows)
    return pd.DataFrame(known, columns=list(ATTRIBUTES), index=faces.index, dtype=object), dates, problems


def _date_problem(face: Mapping[Any, Any], person: Mapping[Any, Any], name: str, text: str, why: str) -> dict[str, Any]:
    if name == REFERENCE:
        detail = f"the reference date {text} is {why}"
        return _cell("people", person["row"], "birth_date", "", person["birth_date"], detail)
    table, row = ("source_labels", face["_source_row"]) if name == SOURCE_DATE else ("face_table", face["_row"])
    return _cell(table, int(row), "photo_date", face["file"], text, why)


def _tell_of_people(faces: pd.DataFrame, people: pd.DataFrame, rows: Mapping[str, Any]) -> None:
    if people.empty:
        return
    celebrities = {_plain(name): name for name in faces.loc[faces["looks"] == 1, "identity"]}
    idle = [row["identity"] for name, row in rows.items() if name not in celebrities]
    absent = [celebrities[name] for name in sorted(celebrities.keys() - rows.keys())]
    logger.info("people: %d of %d rows match a celebrity", len(rows) - len(idle), len(rows))
    if idle:
        logger.warning("people: %d of %d rows match no face: %s.", len(idle), len(rows), _few(idle))
    if absent:
        logger.warning("people: %d of %d celebrities have no row: %s.", len(absent), len(celebrities), _few(absent))


# --- corrections -----------------------------------------------------------------------------------------------------


def _of_corrections(
    faces: pd.DataFrame, face_table: pd.DataFrame, corrections: pd.DataFrame
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """What the corrections say of each face, and the rows that name none."""
    said = corrections.assign(_name=corrections["file"].map(_plain)).set_index("_name")[list(ATTRIBUTES)]
    said = said[~said.index.duplicated(keep="last")]
    names = faces["file"].map(_plain)
    kept, every = set(names), set(face_table["file"].map(_plain))
    problems = [
        _cell(
            "label_corrections", row, "file", file, file,
            "this face was rejected" if _plain(file) in every else "there is no such face",
        )
        for row, file in enumerate(corrections["file"], 2)
        if _plain(file) not in kept
    ]  # fmt: skip
    return said.reindex(names).fillna("").astype(object).set_axis(faces.index), problems


# --- telling ---------------------------------------------------------------------------------------------------------


def _cell(table: str, row: int, column: str, file: str, value: str, detail: str) -> dict[str, Any]:
    return {"table": table, "row": row, "column": column, "file": file, "value": value, "detail": detail}


def _problem_table(problems: Sequence[dict[str, Any]]) -> pd.DataFrame:
    if not problems:
        return empty_table("label_rejections")
    # One cell of people concerns every photo of that person.
    once = list({tuple(problem.items()): problem for problem in problems}.values())
    return pd.DataFrame(once, columns=columns("label_rejections"))


def _tell(labels: pd.DataFrame, problems: pd.DataFrame) -> None:
    known = ", ".join(f"{name} of {int((labels[name] != '').sum())}" for name in ATTRIBUTES)
    sources = Counter(name for joined in labels["label_source"] for name in joined.split("+") if name)
    told = ", ".join(f"{name} {count}" for name, count in sources.items()) or "nobody"
    logger.info("%d faces; known are %s; said by %s", len(labels), known, told)
    for (table, column, detail), cells in problems.groupby(["table", "column", "detail"], sort=False):
        rows = [f"row {row} ({value})" for row, value in zip(cells["row"], cells["value"], strict=True)]
        logger.warning("%s: %d cells of %s set aside, %s: %s.", table, len(cells), column, detail, _few(rows))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _plain(name: str) -> str:
    """The name in one spelling: file systems may take letters and their accents apart."""
    return unicodedata.normalize("NFC", name)
