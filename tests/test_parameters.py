from __future__ import annotations

import pytest
from pydantic import BaseModel, Field

from looks_kedro.cells import BACKBONES, PUBLISHED, Cells, with_backbones
from looks_kedro.errors import BadParameterError
from looks_kedro.faces import Detection
from looks_kedro.learning import Training
from looks_kedro.learning.cost_settings import Hyperparameters
from looks_kedro.parameter_groups import unknown_message
from looks_kedro.parameters import check_group, check_parameters
from looks_kedro.pipelines.background.parameters import Variant
from looks_kedro.portraits import PhotoSet, Plant


class Optimizer(BaseModel, extra="forbid"):
    rate: float = Field(gt=0)


class Group(BaseModel, extra="forbid"):
    epochs: int = 3
    optimizer: Optimizer = Optimizer(rate=1)


class Anything(BaseModel, extra="allow"):
    pass


MODELS = {"training": Group, "backbones.small": Optimizer}
RIGHT = {"training": {"epochs": 2}, "backbones": {"small": {"rate": 0.1}}, "study": "mine"}


def test_right_parameters_pass():
    check_parameters(RIGHT, MODELS, given={})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trainin": {"epochs": 2}}, r"Parameter trainin is unknown; did you mean training\?"),
        ({"training": {"epoch": 2}}, r"Parameter training\.epoch is unknown; did you mean training\.epochs\?"),
        ({"training": {"epochs": "many"}}, r"Parameter training\.epochs: .*integer.*found 'many'"),
        (
            {"training": {"optimizer": {"rat": 1}}},
            r"training\.optimizer\.rat is unknown; did you mean .*optimizer\.rate\?",
        ),
        ({"training": {"optimizer": {"rate": -1}}}, r"training\.optimizer\.rate: .*greater than 0; found -1"),
        ({"backbones": {}}, r"Parameter backbones\.small is missing"),
    ],
)
def test_each_wrong_parameter_is_named_with_a_remedy(change, message):
    with pytest.raises(BadParameterError, match=message):
        check_parameters(RIGHT | change, MODELS, given={})


class Study(BaseModel, extra="forbid"):
    named: dict[str, Optimizer] = {}
    perhaps: Optimizer | None = None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"named": {"a": {"rat": 1, "rate": 1}}},
            r"study\.named\.a\.rat is unknown; did you mean study\.named\.a\.rate\?",
        ),
        ({"perhaps": {"rat": 1, "rate": 1}}, r"study\.perhaps\.rat is unknown; did you mean study\.perhaps\.rate\?"),
    ],
)
def test_a_slip_below_names_of_ones_own_or_an_optional_group_is_named_with_a_remedy(given, message):
    with pytest.raises(BadParameterError, match=message):
        check_group("study", Study, {"study": given})


def test_a_name_where_none_is_known_is_told_without_an_empty_list():
    assert unknown_message("a.b", []) == "Parameter a.b is unknown."


@pytest.mark.parametrize(
    ("defined", "told"),
    [
        (
            {"mine": {"name": "resnet43"}},
            r"backbones\.mine\.name: no network .* called resnet43; did you mean resnet34",
        ),
        ({"mine": {"start": "imagenet"}}, r"backbones\.mine: no network .*say which network it is"),
        (
            {"resnet18": {"start": "fairface"}},
            r"backbones\.resnet18\.start: expected fresh or imagenet, found fairface",
        ),
        ({"mine": {"name": "custom", "start": "fairface"}}, r"backbones\.mine\.start: expected fresh or imagenet"),
        ({"custom": {"start": "fresh"}}, r"custom\.start: expected fairface, found fresh; .*resnet34\.start=fresh"),
        ({"custom": {"start": "fairface", "name": "resnet18"}}, r"custom\.name: expected custom, found 'resnet18'"),
    ],
)
def test_a_backbone_that_cannot_be_trained_is_refused_before_the_run(defined, told):
    with pytest.raises(BadParameterError, match=told):
        with_backbones(defined, Cells(backbones=tuple(defined)))


def test_a_network_to_time_that_does_not_exist_is_refused_before_the_run():
    check_group("hyperparameters", Hyperparameters, {"hyperparameters": {"backbone": "mobilenet_v2"}})
    with pytest.raises(BadParameterError, match=r"hyperparameters\.backbone: backbone 'resnet43' is unknown"):
        check_group("hyperparameters", Hyperparameters, {"hyperparameters": {"backbone": "resnet43"}})


def test_all_problems_are_told_at_once():
    wrong = RIGHT | {"training": {"epoch": 1, "optimizer": {"rate": 0}}, "stduy": 1}
    with pytest.raises(BadParameterError) as error:
        check_parameters(wrong, MODELS, given={})
    assert len(str(error.value).splitlines()) == 3


def test_a_short_form_that_nothing_reads_is_refused():
    acquisition = {"acquisition": {"celebrities": {"path": "mine"}, "processes": 2}}
    models = MODELS | {"acquisition": Anything}
    check_parameters(RIGHT | acquisition | {"celebrities": "mine"}, models, given={"celebrities": "mine"})
    with pytest.raises(BadParameterError, match="celebrities means nothing in this environment"):
        check_parameters(RIGHT | acquisition | {"celebrities": "other"}, models, given={"celebrities": "other"})


def test_cells_are_read_from_the_command_lines_form_in_the_order_of_the_study():
    cells = Cells.model_validate({"backbones": "resnet34+custom", "variants": "white"})
    assert cells.pairs() == [("white", "custom"), ("white", "resnet34")]
    assert len(Cells().pairs()) == len(PUBLISHED) * len(BACKBONES) == 10


@pytest.mark.parametrize("wrong", ["ResNet18", "", "custom,resnet18"])
def test_cells_of_impossible_names_are_refused(wrong):
    with pytest.raises(ValueError, match="backbones"):
        Cells.model_validate({"backbones": wrong})


def test_every_list_can_be_written_on_the_command_line():
    plants = PhotoSet.model_validate({"plants": "eyes:0.75+side_patch:0.9:left"}).plants
    assert plants == (Plant(channel="eyes", strength=0.75), Plant(channel="side_patch", strength=0.9, side="left"))
    assert Detection.model_validate({"thresholds": "0.5+0.6+0.7"}).thresholds == (0.5, 0.6, 0.7)
    assert Training.model_validate({"alpha_colour": "1+2+3"}).alpha_colour == (1, 2, 3)
    assert Variant.model_validate({"kind": "colour", "colour": "255 + 0 + 9"}).colour == (255, 0, 9)
    with pytest.raises(ValueError, match="colour"):
        Variant.model_validate({"kind": "colour", "colour": "255+0"})
