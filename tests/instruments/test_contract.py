"""Every instrument keeps to the contract that third parties' instruments are held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from memlab.experiment.instruments import (
    BUILT_IN,
    Abscissa,
    Instrument,
    Quantity,
    Settings,
    chosen,
    instrument,
    known,
    percentiles,
)
from memlab.instruments import contract

ALONE = [name for name in BUILT_IN if name != "ledger"]


@pytest.mark.parametrize("name", ALONE)
def test_instrument_keeps_to_the_contract(name):
    contract.check_instrument(instrument(name))


def test_no_declaration_imports_torch():
    for name in BUILT_IN:
        contract.check_declaration(instrument(name), instrument(name).settings())
    code = ", ".join(f"memlab.instruments.panel.{n.replace('-', '_')}" for n in BUILT_IN)
    contract.check_no_torch(code)


def _mean_weight(measure) -> Instrument:
    return Instrument(
        name="weights",
        title="weights",
        about="mean of the first weights",
        source="none",
        quantities=(Quantity("mean", "their mean", low=-10, high=10),),
        headline="mean",
        measure=measure,
        cost=lambda settings, work: 1.0,
    )


def test_contract_accepts_a_third_partys_instrument():
    contract.check_instrument(
        _mean_weight(lambda s, _: {"mean": next(s.model.parameters()).flatten(1).mean(1)})
    )


def _steals_randomness(subject, settings):
    return {"mean": torch.zeros(subject.members) + torch.rand(()) * 0}


def _moves_a_parameter(subject, settings):
    weight = next(subject.model.parameters())
    with torch.no_grad():
        weight[0] *= 1.0001
    return {"mean": np.zeros(subject.members)}


def _mixes_members(subject, settings):
    whole = float(next(subject.model.parameters()).detach().abs().mean())
    return {"mean": np.full(subject.members, whole)}


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (_steals_randomness, "torch's own generator"),
        (_moves_a_parameter, "changes training"),
        (_mixes_members, "weights.mean"),
        (lambda s, _: {"mean": np.zeros((s.members, 2))}, "shape"),
        (lambda s, _: {"mean": np.full(s.members, 11.0)}, "above 10"),
        (lambda s, _: {"other": np.zeros(s.members)}, "not what it declares"),
    ],
)
def test_contract_refuses_what_breaks_it(measure, told):
    made = _mean_weight(measure)

    def check() -> None:
        contract.check_values(made, Settings())
        contract.check_training_untouched(made, Settings())
        contract.check_members_apart(made, Settings())

    with pytest.raises(AssertionError, match=told):
        check()


def _lowest_margin(subject, settings):
    return {"mean": subject.outcome.margins.amin(1)}


def test_contract_refuses_an_undeclared_need_and_accepts_a_declared_one():
    made = replace(_mean_weight(_lowest_margin), quantities=(Quantity("mean", "the lowest"),))
    with pytest.raises(AssertionError, match="needs = \\[\\]"):
        contract.check_instrument(made)
    contract.check_instrument(replace(made, needs=("margins",)))
    with pytest.raises(AssertionError, match="needs \\['gradients'\\]"):
        contract.check_declaration(replace(made, needs=("gradients",)), Settings())


def test_contract_refuses_an_abscissa_that_is_not_there():
    def made(*quantities: Quantity) -> Instrument:
        found = {q.name: np.zeros((contract.MEMBERS, *[3] * len(q.shape))) for q in quantities}
        return replace(_mean_weight(lambda s, _: found), quantities=quantities)

    mean, at = Quantity("mean", "their mean"), Quantity("at", "where", shape=("bin",))
    curve = Quantity("curve", "by bin", shape=("bin",), against=Abscissa("at"))
    contract.check_values(made(mean, at, curve), Settings())
    for quantities, told in (
        ((mean, curve), "no quantity"),
        ((mean, replace(at, shape=("layer",)), curve), "another shape"),
        ((mean, replace(mean, name="other", against=Abscissa("mean"))), "not one-dimensional"),
    ):
        with pytest.raises(AssertionError, match=told):
            contract.check_declaration(made(*quantities), Settings())
    fixed = replace(curve, against=percentiles((0.5, 0.9)))
    with pytest.raises(AssertionError, match="3 values at 2 places"):
        contract.check_values(made(mean, fixed), Settings())


def test_default_and_all_are_spelt_out_in_order():
    assert chosen(("all",)) == known()
    assert chosen(("margins", "default"))[0] == "ledger"
    assert chosen(()) == ()
