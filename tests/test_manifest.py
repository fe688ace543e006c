"""A manifest tells the same of what is the same."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, model_validator

from looks_kedro.manifest import complete_parameters, content_hash, tells_data, with_nodes


class Group(BaseModel):
    epochs: int = 3
    rate: float = 1.0

    @model_validator(mode="after")
    def _as_variants_do(self) -> Group:
        if "rate" in self.model_fields_set and self.epochs == 7:
            raise ValueError("rate means nothing beside 7 epochs")
        return self


def test_groups_that_a_run_did_not_read_have_their_defaults_too():
    models = {"training": Group, "backbones.custom": Group}
    read = {"training": Group(epochs=5), "backbones": {"custom": Group()}, "study": "mine"}
    unread = {"training": {"epochs": 5}, "backbones": {"custom": {"rate": 1}}, "study": "mine"}
    assert json.dumps(complete_parameters(read, models)) == json.dumps(complete_parameters(unread, models))
    assert complete_parameters(unread, models)["training"] == {"epochs": 5, "rate": 1.0}


def test_a_model_that_may_not_be_given_all_its_fields_stays_as_it_is():
    told = complete_parameters({"training": Group(epochs=7)}, {"training": Group})
    assert told == {"training": {"epochs": 7, "rate": 1.0}}


def test_the_content_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"file,age\n")
    assert content_hash(tmp_path / "labels.csv") == hashlib.sha256(b"file,age\n").hexdigest()
    assert content_hash(tmp_path / "missing.csv") is None


def test_a_folder_of_images_is_the_same_wherever_its_images_came_from(tmp_path):
    for name, digest, source in (("a", "1", "here"), ("b", "1", "there"), ("c", "2", "here")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.csv").write_text(f"name,sha256,bytes,source\nx.jpg,{digest},9,{source}\n")
    a, b, c = (content_hash(tmp_path / name) for name in "abc")
    assert a == b != c


def test_data_and_models_are_told_by_their_content_and_results_are_not():
    assert tells_data("faces")
    assert tells_data("white.resnet18.model")
    assert not tells_data("white.resnet18.maps")


def test_what_this_run_has_done_so_far_stands_in_place_of_an_earlier_runs_nodes():
    took = {"seconds": 2.0, "peak_memory_mb": 90.0}
    earlier = {"run": {"run_id": "before"}, "nodes": {"train": took, "audit": took}}
    told = with_nodes(earlier, {"audit": {**took, "seconds": 3.0}}, "now")
    assert told["run"] == {"run_id": "before"}
    assert told["nodes"] == {"train": {**took, "run": "before"}, "audit": {**took, "seconds": 3.0, "run": "now"}}
    assert list(with_nodes(None, {"train": took}, "now")["nodes"]) == ["train"]
