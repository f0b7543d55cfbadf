"""What a person writes becomes an experiment or one clear sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memlab.errors import InvalidExperiment
from memlab.experiment import grid, network_fields, presets, reading
from memlab.experiment.fields import declared
from memlab.experiment.spec import Experiment, field_names


def read(text: str, *sets: str) -> Experiment:
    return reading.experiment(reading.from_toml(text, "mine.toml"), "mine.toml", sets)


OWN = "python:nets:make"
BAD = [
    ("[modle]\nwidth = 3", (), "'modle' is not a known key; did you mean 'model'?"),
    ("[model]\nwidht = 3", (), "'model.widht' is not a known key; did you mean 'width'?"),
    ("[corruption]\nfraction = 1.5", (), "corruption.fraction = 1.5"),
    ("[corruption]\nfraction = 'much'", (), "corruption.fraction = 'much'"),
    ("[model]\nname = 'mpl'", (), "did you mean 'mlp'?"),
    ("[dataset]\nname = 'digitz'", (), "did you mean 'digits'?"),
    ("[corruption]\nkind = 'lables'", (), "did you mean 'labels'?"),
    ("a = [", (), "mine.toml is not valid TOML"),
    ("a = \n[b]", (), "line 1, column 5"),
    ('[axes]\n"model.widht" = [1]', (), "did you mean 'model.width'?"),
    ('[axes]\n"model.width" = []', (), "has no values"),
    ('[axes]\n"model.width" = [3, 3]', (), "the same value twice"),
    ('[axes]\n"model.width" = [3, 0]', (), "greater than or equal to 1"),
    ("[instruments.stifness]\nevery = 1", (), "'stifness' is unknown"),
    ("claims = ['Z19']", (), "'Z19' is unknown; did you mean 'Z1'?"),
    ("", ("claims=A7,L9",), "'L9' is unknown"),
    ("seeds = 0", (), "seeds = 0"),
    ("seeds = [1, 1]", (), "different numbers"),
    ("[optimizer]\nnesterov = true", (), "nesterov needs sgd with a momentum above 0"),
    ("[schedule]\nkind = 'step'", (), "step needs milestones"),
    ("[fork]\nlearning_rate = 0.1", (), "learning_rate needs at, the epoch of the fork"),
    ("[fork]\nat = 1\nschedule = 'step'", (), "step needs milestones"),
    ("", ("model.widht=3",), "did you mean 'model.width'?"),
    ("", ("nonsense",), "not of the form key=value"),
    ("", ("name=mlp",), "could be dataset.name, model.name"),
    ("", ("model.width=9:1:1",), "low ≤ high"),
    ("", ("optimizer.learning_rate=fast",), "optimizer.learning_rate = 'fast'"),
    ("", ("model.width=7", f"model.name={OWN}"), "width = 7 has no place in a network of your own"),
    ("", (f"model.name={OWN}", "model.depth=3"), "give it model.settings.depth if its callable"),
    (f"[model]\nname = '{OWN}'\nactivation = 'tanh'", (), "model.activation = 'tanh'"),
    (f"[model]\nname = '{OWN}'\nnormalization = 'none'", (), "model.normalization = 'none'"),
    (f"[model]\nname = '{OWN}'\nghost_batch = 8", (), "model.ghost_batch = 8"),
    ("[model]\nname = 'linear'\nwidth = 7", (), "'linear', which has no width to choose: leave"),
    ("[model]\nname = 'linear'", ("model.activation=gelu",), "has no activation to choose"),
    ("[model]\nname = 'linear'\nghost_batch = 8", (), "model.ghost_batch = 8"),
    ("[model]\nname = 'linear'\n[regularization]\ndropout = 0.5", (), "dropout = 0.5 is of hidden"),
    ("[model]\nname = 'linear'", ("hidden_noise=1",), "regularization.hidden_noise = 1.0 is of"),
    ("[regularization]\ndropout = [0, 0.5]", ("model.name=linear,mlp",), "which has them."),
    ("[model]\nname = 'linear'\n[fork]\nat = 1\ndropout = 0.5", (), "fork.dropout = 0.5"),
    ("[model]\nname = 'cnn'\ndepth = 4", (), "model.depth = 4 has no place in model.name = 'cnn'"),
    ("[model]\nwidth = [3, 4]", ("model.name=linear",), "model.width = 3 has no place"),
    ("[model]\nwidth = [3, 4]", ("model.name=linear,mlp",), "model.width = 3 has no place"),
]


@pytest.mark.parametrize(("text", "sets", "expected"), BAD)
def test_bad_input_gets_a_sentence_that_names_it(text, sets, expected):
    with pytest.raises(InvalidExperiment) as caught:
        read(text, *sets)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


SILENT = [
    ("", (f"model.name={OWN}",)),
    ("[model]\nactivation = 'relu'", (f"model.name={OWN}", "model.width=")),
    ("[model]\nwidth = 64\ndepth = 3\nactivation = 'tanh'", (f"model.name={OWN}",)),
    ("[model]\nwidth = 64\ndepth = 3\nactivation = 'tanh'", ("model.name=linear",)),
    ("[model]\nname = 'linear'\nnormalization = 'none'", ()),
    ("[model]\nwidth = 64", ("model.name=linear,mlp",)),
    ("axes.model = [{name = 'linear'}, {width = 64}]", ()),
    ("[regularization]\ndropout = 0.5", ("model.name=linear,mlp",)),
    ("[regularization]\ndropout = 0.5\nhidden_noise = 1.0", ("model.name=linear",)),
    ("[regularization]\ninput_dropout = 0.5", ("model.name=linear",)),
]


@pytest.mark.parametrize(("text", "sets"), SILENT)
def test_what_nobody_said_of_the_network_that_is_trained_is_no_error(text, sets):
    assert grid.members(read(text, *sets))


def test_a_network_that_a_person_names_leaves_behind_what_the_file_says_of_its_own():
    made = read("[model]\nwidth = 64\ndepth = 3\nactivation = 'tanh'", f"model.name={OWN}")
    assert network_fields.ignored(made.model) == {}
    assert (made.model.width, made.model.depth, made.model.activation) == (None, None, "relu")


def test_another_network_keeps_what_it_has_of_the_files_own():
    made = read("[model]\nwidth = 64\ndepth = 3", "model.name=cnn")
    assert (made.model.width, made.model.depth) == (64, None)


def test_a_run_that_was_trained_with_a_field_that_meant_nothing_is_still_read():
    tree = {"model": {"name": "linear", "width": 7}}
    assert reading.of_run(tree, "a run").model.width == 7


SETTINGS = [
    ("corruption.fraction=0,0.2,0.4", {"corruption.fraction": [0, 0.2, 0.4]}),
    ("corruption.fraction=0:1:0.25", {"corruption.fraction": [0.0, 0.25, 0.5, 0.75, 1.0]}),
    ("model.width=[64, 256]", {"model.width": [64, 256]}),
    ("model.width=8:16:4", {"model.width": [8, 12, 16]}),
    ("model.name=mlp,linear", {"model.name": ["mlp", "linear"]}),
    ("axes.model.width=1,2", {"model.width": [1, 2]}),
    ("schedule.milestones=[[1,2],[2,3]]", {"schedule.milestones": [[1, 2], [2, 3]]}),
    ("dataset.name=npz:/a,b.npz", {}),
]


@pytest.mark.parametrize(("setting", "axes"), SETTINGS)
def test_several_values_make_an_axis(setting, axes):
    assert read("", setting).axes == axes


def test_a_single_value_replaces_an_axis_and_an_axis_a_value():
    text = '[model]\nwidth = 8\n[axes]\n"corruption.fraction" = [0.0, 1.0]'
    made = read(text, "corruption.fraction=0.4", "width=16,32", "seeds=2")
    assert made.corruption.fraction == 0.4
    assert made.axes == {"model.width": [16, 32]}
    assert [m.name for m in grid.members(made)] == [
        "width=16 seed=0",
        "width=16 seed=1",
        "width=32 seed=0",
        "width=32 seed=1",
    ]


def test_a_list_in_a_section_is_an_axis():
    made = read("[corruption]\nkind = 'labels'\nfraction = [0.0, 0.5]")
    assert made.axes == {"corruption.fraction": [0.0, 0.5]}


def test_an_axis_may_be_a_whole_section():
    made = read("[axes]\nregularization = [{}, {dropout = 0.5}, {weight_decay = 0.1}]")
    cells = [m.experiment.regularization for m in grid.members(made)]
    assert [c.dropout for c in cells] == [0, 0.5, 0]
    assert [c.weight_decay for c in cells] == [0, 0, 0.1]
    assert [g.label for g in grid.groups(made)] == ["plain", "dropout=0.5", "weight_decay=0.1"]


def test_counting_a_million_members_makes_none():
    made = read("seeds = 1000\n[axes]\n'model.width' = " + str(list(range(1, 1001))))
    assert grid.member_count(made) == 1_000_000


@pytest.mark.parametrize("preset", presets.find_all(), ids=lambda p: p.name)
def test_every_preset_says_what_it_is_and_survives_writing_and_reading(preset):
    made = preset.experiment()
    assert all((made.title, made.question, made.look_for, made.source, made.deviations))
    again = reading.experiment(reading.from_toml(reading.to_toml(made), "again"), "again")
    assert again == made


def test_members_are_named_uniquely_in_every_preset():
    for preset in presets.find_all():
        names = [member.name for member in grid.members(preset.experiment())]
        assert len(names) == len(set(names))


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["corruption.fraction", "model.width", "optimizer.learning_rate"]),
        st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True),
    ),
    st.integers(1, 4),
)
def test_the_grid_is_the_product_of_axes_and_seeds(axes, seeds):
    if "model.width" in axes:
        axes["model.width"] = sorted({round(v * 100) + 1 for v in axes["model.width"]})
    made = reading.experiment({"axes": axes, "seeds": seeds}, "test")
    members = grid.members(made)
    assert len(members) == grid.member_count(made)
    assert len({m.name for m in members}) == len(members)
    for member in members:
        for name, value in member.axis_values.items():
            section, leaf = name.split(".")
            assert getattr(getattr(member.experiment, section), leaf) == value
    assert [i for g in grid.groups(made) for i in g.members] == list(range(len(members)))


def test_field_choices_and_names_come_from_the_schema():
    assert "mlp" in declared("model.name").choices
    assert declared("optimizer.learning_rate").choices == ()
    assert "corruption.fraction" in field_names()


def test_relative_dataset_paths_become_absolute(tmp_path):
    made = read("", "dataset.name=npz:some/data.npz")
    assert (
        reading.with_absolute_paths(made, tmp_path).dataset.name == f"npz:{tmp_path}/some/data.npz"
    )
    assert reading.with_absolute_paths(read(""), tmp_path).dataset.name == "digits"
