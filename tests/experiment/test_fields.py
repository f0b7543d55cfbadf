"""Fields are declared once, with their words; an error says which of them is to be mended."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import memlab
from memlab.errors import InvalidExperiment
from memlab.experiment import architecture, reading
from memlab.experiment.fields import all_declared, declared, heads
from memlab.experiment.spec import ModelSpec, field_names

ROOT = Path(memlab.__file__).parent
#: From a field of the experiment to one of the fork: no words.
LISTED = {"runs/forking.py"}


def test_words_of_a_field_come_from_its_declaration() -> None:
    rate = declared("optimizer.learning_rate")
    assert (rate.label, rate.head, rate.title) == ("η learning rate", "η", "learning rate η")
    assert declared("stop.patience").unit == "epochs"
    assert declared("corruption.input_fraction").label == "input fraction"
    assert declared("corruption.test").switch
    assert declared("seeds").default == 1
    assert {each.name for each in all_declared()} == {
        *field_names(),
        "instruments.settings",
        "model.settings",
    }
    with pytest.raises(KeyError):
        declared("optimizer.speed")


def test_an_axis_is_headed_by_its_fields_word_or_its_short_name() -> None:
    assert heads({"corruption.fraction": "fraction", "model.width": "width", "model": "model"}) == {
        "corruption.fraction": "noise",
        "model.width": "width",
        "model": "model",
    }


def test_no_table_of_fields_stands_beside_the_declaration() -> None:
    names = set(field_names())
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict) and str(path.relative_to(ROOT)) not in LISTED:
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                assert len(keys & names) < 2, f"{path}, line {node.lineno}: {keys & names}"


@pytest.mark.parametrize(
    ("tree", "fields"),
    [
        ({"corruption": {"fraction": 2}}, {"corruption.fraction"}),
        ({"corruption": {"fraction": [0, 2]}}, {"corruption.fraction"}),
        ({"corruption": {"fraction": [0.2, 0.2]}}, {"corruption.fraction"}),
        ({"model": {"name": "mpl"}, "seeds": 0}, {"model.name", "seeds"}),
        ({"seeds": [1, -2]}, {"seeds"}),
        ({"optimizer": {"nesterov": True}}, {"optimizer.nesterov"}),
        ({"schedule": {"kind": "step"}}, {"schedule.milestones"}),
        ({"schedule": {"milestones": [3, 2]}}, {"schedule.milestones"}),
        ({"fork": {"dropout": 0.5}}, {"fork.at"}),
        ({"instruments": {"on": ["stifness"]}}, {"instruments.on"}),
        ({"optimizer": {"speed": 3}}, {""}),
        ({"evaluation": {"parts": ["validation"]}}, {"evaluation.parts"}),
        ({"evaluation": {"parts": ["tests"]}}, {"evaluation.parts"}),
        ({"evaluation": {"parts": ["test"]}, "stop": {"patience": 3}}, {"evaluation.parts"}),
        ({"evaluation": {"parts": ["test"]}, "claims": ["A7"]}, {"evaluation.parts"}),
        (
            {"evaluation": {"parts": ["test"]}, "instruments": {"on": ["ledger"]}},
            {"evaluation.parts"},
        ),
        ({"evaluation": {"parts": ["train"]}, "baselines": {"on": ["1-nn"]}}, {"evaluation.parts"}),
    ],
)
def test_an_error_carries_the_fields_to_mend(tree: dict[str, Any], fields: set[str]) -> None:
    with pytest.raises(InvalidExperiment) as raised:
        reading.experiment(tree, "here")
    assert set(raised.value.fields) == fields
    assert all(sentence.endswith(".") for sentence in raised.value.fields.values())


def test_a_network_that_cannot_take_the_data_names_its_field() -> None:
    for spec, field in (
        (ModelSpec(name="cnn"), "model.name"),
        (ModelSpec(name="mlp", ghost_batch=32), "model.ghost_batch"),
    ):
        with pytest.raises(InvalidExperiment) as raised:
            architecture.check(spec, None, 40, 10)
        assert raised.value.fields == {field: str(raised.value)}
