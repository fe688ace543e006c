"""What the documentation says is there: links, pictures, commands, parameters, code."""

from __future__ import annotations

import ast
import copy
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[1]
DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("README*.md"), *DOCS.rglob("*.md")])
ENVIRONMENTS = {folder.name for folder in (PROJECT / "conf").iterdir() if folder.is_dir()}

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
_HTML = re.compile(r"""(?:src|href)=["']([^"']+)["']""")
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)


def named(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def without_code(text: str) -> str:
    return _INLINE.sub("", _FENCE.sub("", text))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as Markdown makes them of their words."""
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        found.add(re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", words)))
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_picture_and_anchor_exists(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    for target in [*_LINK.findall(text), *_HTML.findall(text)]:
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        other = (page.parent / place).resolve() if place else page
        assert other.exists(), f"{named(page)} links to {target}"
        assert other.is_relative_to(PROJECT), f"{named(page)} links out of the project: {target}"
        if anchor and other.suffix == ".md":
            assert anchor in anchors(other), f"{named(page)} links to {target}; there are {sorted(anchors(other))}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:tmp|work|home|root|Users)/", page.read_text(encoding="utf-8"))


def test_every_picture_of_the_docs_is_shown_somewhere() -> None:
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in (DOCS / "images").iterdir():
        assert f"images/{picture.name}" in texts


# Commands


def commands(page: Path) -> Iterator[list[str]]:
    """Every `kedro ...` command of a page, in words."""
    text = page.read_text(encoding="utf-8")
    blocks = [body for _, kind, body in _FENCE.findall(text) if kind.split(" ")[0] in {"sh", "bash", "", "console"}]
    lines = "\n".join(blocks).replace("\\\n", "").splitlines()
    # Inline code that runs over a line's end continues after a space, or after nothing inside of a word's end.
    lines += [re.sub(r"\s*\n\s*", " ", code) for _, code in _INLINE.findall(_FENCE.sub("", text))]
    for line in lines:
        if re.match(r"\s*(?:\$ )?kedro \w", line) and line.count('"') % 2 == 0:
            # In a loop of the shell, any turn will do.
            words = shlex.split(line.strip().removeprefix("$ ").replace("$i", "0"), comments=True)
            yield [word for word in words if word not in {"...", "…"}]


def options(words: list[str]) -> dict[str, str]:
    """Options of a command, by name; a flag has an empty value."""
    given: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--"):
            name, sign, value = word.partition("=")
            given[name] = value if sign else ("" if following.startswith("--") else following)
    return given


RUNS = [(page, words) for page in PAGES for words in commands(page) if words[:2] == ["kedro", "run"]]


def told(value: Any) -> str:
    return " ".join(value[1]) if isinstance(value, tuple) else str(value)


def test_the_docs_hold_commands() -> None:
    assert len(RUNS) > 40
    assert {words[1] for page in PAGES for words in commands(page)} <= {
        *("run", "viz", "jupyter", "registry", "catalog", "new", "mlflow")
    }


def test_every_command_names_options_pipelines_and_environments_that_exist() -> None:
    from looks_kedro import pipeline_registry
    from looks_kedro.cli import run

    known = {option for parameter in run.params for option in parameter.opts}
    pipelines = {*pipeline_registry.register_pipelines()}
    for page, words in RUNS:
        given = options(words)
        where = f"{named(page)}: {' '.join(words)}"
        assert set(given) <= known, where
        assert given.get("--env", "base") in ENVIRONMENTS, where
        asked = given.get("--pipelines", "__default__").split(",")
        assert {*asked} - {"NAME", "A,B"} <= pipelines, where


@cache
def settings(env: str) -> dict[str, Any]:
    """The parameters of an environment, as Kedro merges them."""
    from kedro.config import OmegaConfigLoader

    loader = OmegaConfigLoader(
        str(PROJECT / "conf"),
        env=env,
        base_env="base",
        default_run_env="local",
        config_patterns={"parameters": ["parameters*", "parameters*/**", "**/parameters*"]},
        merge_strategy={"parameters": "soft"},
    )
    return dict(loader["parameters"])


def parsed(text: str) -> dict[str, Any]:
    """`a.b=1,c=2` as the command line understands it."""
    from kedro.framework.cli.utils import _split_params

    result: dict[str, Any] = _split_params(None, None, text)
    return result


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    from kedro.validation.type_extractor import TypeExtractor

    from looks_kedro import pipeline_registry
    from looks_kedro.cells import Cells, defined_cells

    base = settings("base")
    pipelines = pipeline_registry.parametrised_pipelines(defined_cells(base["variants"], base["backbones"]))
    return {"cells": Cells, **TypeExtractor(pipelines).extract_types_from_pipelines()}


def merged(into: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merged(into[name], value)
        else:
            into[name] = value
    return into


@pytest.mark.slow
def test_every_command_gives_parameters_that_the_project_takes(models: dict[str, Any]) -> None:
    from looks_kedro.cells import Cells, check_variants, with_backbones
    from looks_kedro.parameters import FOLDERS, check_parameters

    checked = 0
    for page, words in RUNS:
        text = options(words).get("--params")
        if not text:
            continue
        given = parsed(text)
        parameters = merged(copy.deepcopy(settings(options(words).get("--env", "base"))), given)
        short = {name: value for name, value in given.items() if name in FOLDERS}
        if short:
            assert options(words)["--env"] == "folders", f"{named(page)}: {' '.join(words)}"
        for name in short:
            parameters.pop(name)
        if "runs" in given:  # short for comparison.runs
            parameters["comparison"]["runs"] = parameters.pop("runs")
        cells = Cells.model_validate(parameters["cells"])
        check_variants(cells, parameters["variants"])
        parameters["backbones"] = with_backbones(parameters["backbones"], cells)
        try:
            check_parameters(parameters, models, {})
        except Exception as error:  # told with the page that gives the command
            pytest.fail(f"{named(page)}: {' '.join(words)}\n{error}")
        checked += 1
    assert checked > 20


def test_a_wrong_parameter_in_the_docs_would_be_noticed(models: dict[str, Any]) -> None:
    from looks_kedro.errors import BadParameterError
    from looks_kedro.parameters import check_parameters

    parameters = merged(copy.deepcopy(settings("base")), parsed("training.epoch=5"))
    with pytest.raises(BadParameterError, match="did you mean training"):
        check_parameters(parameters, models, {})


# Code


def python_blocks(page: Path) -> list[str]:
    return [body for _, kind, body in _FENCE.findall(page.read_text(encoding="utf-8")) if kind.startswith("python")]


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=named)
def test_python_in_the_docs_is_python_and_imports_what_exists(page: Path) -> None:
    import importlib

    for block in python_blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("looks_kedro"):
                home = importlib.import_module(node.module or "")
                for alias in node.names:
                    if not hasattr(home, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")


@pytest.mark.slow
def test_the_worked_example_of_an_intervention_finds_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from looks_kedro.audit import CHANNELS, audit
    from looks_kedro.portraits import Plant, aligned_face, draw_identity

    module: dict[str, Any] = {}
    exec(compile(python_blocks(DOCS / "howto_intervention.md")[0], "howto_intervention.md", "exec"), module)
    monkeypatch.setitem(CHANNELS, "hairline", module["CHANNEL"])
    plants = [Plant(channel="hairband", strength=0.95), Plant(channel="background_colour", strength=0.95)]
    people = np.repeat(np.arange(60), 2)
    photos = [
        aligned_face(draw_identity(int(who)), seed=row, looks=int(who) % 2, plants=plants, size=64, zoom=0.75)
        for row, who in enumerate(people)
    ]
    faces = np.stack([photo.image for photo in photos])

    def by_the_band(images: np.ndarray) -> np.ndarray:
        """One logit: how much redder than blue the strongest colour high on the forehead is."""
        part = images[:, 4:12, 22:42].astype(float)
        redness = part[..., 0] - part[..., 2]
        vivid = np.abs(part - part.mean(axis=-1, keepdims=True)).sum(axis=-1)
        return np.array(
            [one[strong > np.quantile(strong, 0.8)].mean() for one, strong in zip(redness, vivid, strict=True)]
        )

    def by_the_ground(images: np.ndarray) -> np.ndarray:
        corners = images[:, 20:40, :5].astype(float).mean(axis=(1, 2))
        return corners[:, 0] - corners[:, 2]

    def found(model: Any, channels: list[str]) -> tuple[str, tuple[str, ...]]:
        report = audit(
            model,
            faces,
            people % 2,
            people.astype(str),
            landmarks=np.stack([photo.landmarks for photo in photos]),
            channels=channels,
            draws=1,
            one_source=True,
        )
        assert report.balanced_accuracy.value > 0.8
        return str(report.verdict.verdict), report.verdict.channels

    before, after = ["face", "surround"], ["face", "surround", "hairline"]
    assert found(by_the_band, before)[0] != "SHORTCUT"
    assert found(by_the_band, after) == ("SHORTCUT", ("hairline",))
    verdict, channels = found(by_the_ground, after)
    assert verdict == "SHORTCUT"
    assert "hairline" not in channels


# The site


def test_every_page_is_in_the_navigation() -> None:
    text = re.sub(r"!!python/\S+", "", (PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    inside = set(re.findall(r"[\w/]+\.md", str(yaml.safe_load(text)["nav"])))
    assert inside == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


def test_every_parameter_file_stands_in_the_reference() -> None:
    text = (DOCS / "reference" / "pipelines.md").read_text(encoding="utf-8")
    for file in (PROJECT / "conf" / "base").glob("parameters_*.yml"):
        assert f'--8<-- "conf/base/{file.name}"' in text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=PROJECT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_asks_nobody_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    for page in pages:
        loaded = re.findall(
            r"<(?:script|img|link|iframe)[^>]+(?:src|href)=[\"']?(https?://[^\"'\s>]+)", page.read_text("utf-8")
        )
        assert not loaded, f"{page.name} loads {loaded[0]}"


@pytest.mark.slow
def test_the_reference_shows_what_the_docstrings_say(site: Path) -> None:
    text = (site / "reference" / "audit.html").read_text(encoding="utf-8")
    for words in (
        "looks_kedro.audit.auditing.audit",
        "Find out what a classifier",
        "looks_kedro.audit.reliance.reliance",
    ):
        assert words in text
