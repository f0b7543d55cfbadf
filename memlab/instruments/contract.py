"""What every instrument has to keep to, as checks that a third party's tests can call.

    from memlab.instruments.contract import check_instrument
    def test_my_instrument(): check_instrument(MY_INSTRUMENT)

Each check raises AssertionError with a sentence. They train a small stack for a moment, with and
without the instrument, on the CPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from memlab import child
from memlab.data.corruption import corrupt
from memlab.data.registry import load
from memlab.data.split import split
from memlab.experiment import grid
from memlab.experiment.instruments import NEEDS, Instrument, Need, Quantity, Settings, Workload
from memlab.experiment.metrics import VALIDATION_ACCURACY
from memlab.experiment.reading import experiment as read_experiment
from memlab.instruments.subject import Subject
from memlab.training.arrays import StackArrays
from memlab.training.plan import plan
from memlab.training.trainer import Shapes, StackTrainer

MEMBERS = 3


def small_trainer(
    model: str = "mlp", seeds: int = MEMBERS, updates: int = 12, width: int = 8, **sections: Any
) -> StackTrainer:
    """A stack on digits, 0.4 of the labels corrupted; `sections` of the experiment over that."""
    tree = {
        "dataset": {"name": "digits", "train": 120, "validation": 60, "test": 60},
        "corruption": {"kind": "labels", "fraction": 0.4},
        "model": {"name": model, "width": width},
        "optimizer": {"batch_size": 20, "learning_rate": 0.2, "momentum": 0.5},
        "stop": {"epochs": 4},
        "seeds": seeds,
        **sections,
    }
    members = grid.members(read_experiment(tree, "contract"))
    spec = members[0].experiment
    splits = split(load(spec.dataset), spec.dataset)
    parts = [corrupt(splits, m.experiment.corruption, m.seed) for m in members]
    made = plan(members, [len(splits.train.y)] * len(members), [1] * len(members))[0]
    device = torch.device("cpu")
    arrays = StackArrays.of(parts[: len(made.members)], splits.classes, device)
    shapes = Shapes(splits.image_shape, int(splits.train.x[0].size), splits.classes)
    trainer = StackTrainer(made, arrays, shapes, device)
    for _ in range(updates):
        trainer.step()
    return trainer


def subject_now(trainer: StackTrainer, needs: Sequence[Need] = NEEDS) -> Subject:
    """The trainer's stack as an instrument with these needs sees it."""
    evaluation = trainer.evaluate(margins="margins" in needs)
    active = [trainer.plan.members[at] for at in trainer.active]
    return Subject(
        model=trainer.model,
        loss=trainer.loss,
        arrays=trainer.arrays,
        seeds=trainer.seeds(),
        active=trainer.active,
        sample_seed=0,
        update=trainer.update,
        epoch=trainer.examples / trainer.plan.timeline.train_examples,
        batch_size=20,
        learning_rates=torch.from_numpy(trainer.learning_rates()),
        first_rates=torch.tensor([m.experiment.optimizer.learning_rate for m in active]),
        descent=trainer.descent(),
        cells=trainer.cells(),
        initial=trainer.initial,
        outcome=evaluation.train,
        validation_accuracy=evaluation.metrics[VALIDATION_ACCURACY],
    )


def check_instrument(made: Instrument, settings: Settings | None = None) -> None:
    """All checks that need no ledger.

    Raises:
        AssertionError: with what the instrument does not keep to.
    """
    chosen = made.settings() if settings is None else settings
    check_declaration(made, chosen)
    check_needs(made, chosen)
    check_values(made, chosen)
    check_training_untouched(made, chosen)
    check_members_apart(made, chosen)


def check_declaration(made: Instrument, settings: Settings) -> None:
    """Names, headline, abscissae, needs and cost."""
    names = [q.name for q in made.quantities]
    assert names, f"{made.name} declares no quantity"
    assert len(set(names)) == len(names), f"{made.name} declares a quantity twice"
    assert made.headline in names, f"{made.name}: the headline {made.headline!r} is no quantity"
    assert not made.quantity(made.headline).shape, f"{made.name}: the headline is no scalar"
    assert made.about, f"{made.name} does not say what it measures"
    assert made.source, f"{made.name} does not say where it is from"
    unknown = [need for need in made.needs if need not in NEEDS]
    assert not unknown, f"{made.name} needs {unknown}, of {list(NEEDS)}"
    for quantity in (q for q in made.quantities if q.against is not None):
        _check_against(made, quantity)
    cost = made.cost(settings, Workload(1_000, 400, 10_000, 10))
    assert np.isfinite(cost), f"{made.name}: its cost is {cost}"
    assert cost >= 0, f"{made.name}: its cost is {cost}"


def _check_against(made: Instrument, quantity: Quantity) -> None:
    against, what = quantity.against, f"{made.name}.{quantity.name}"
    assert against is not None
    assert len(quantity.shape) == 1, f"{what} has an abscissa, but is not one-dimensional"
    if against.places:
        return
    others = {q.name: q.shape for q in made.quantities}
    assert against.name in others, f"{what} is drawn against {against.name!r}, which is no quantity"
    same = others[against.name] == quantity.shape
    assert same, f"{what} is drawn against {against.name!r}, which has another shape"


def check_needs(made: Instrument, settings: Settings) -> None:
    """What it looks at is declared in `needs`; without, the worker does not compute it."""
    trainer = small_trainer()
    try:
        _measured(made, trainer, settings)
    except Exception as error:
        made.measure(subject_now(trainer), settings)  # what fails here fails for another reason
        raise AssertionError(
            f"{made.name} measures only with all of {list(NEEDS)}; it declares needs = "
            f"{list(made.needs)}"
        ) from error


def check_values(made: Instrument, settings: Settings) -> None:
    """Every declared quantity is there, of its shape, within its bounds, and the same again."""
    trainer = small_trainer()
    found = _measured(made, trainer, settings)
    assert set(found) == {q.name for q in made.quantities}, (
        f"{made.name} gives {sorted(found)}, not what it declares"
    )
    for quantity in made.quantities:
        values = found[quantity.name]
        what = f"{made.name}.{quantity.name}"
        assert values.ndim == 1 + len(quantity.shape), f"{what} has the shape {values.shape}"
        assert values.shape[0] == MEMBERS, f"{what} has the shape {values.shape}"
        if quantity.against is not None and quantity.against.places:
            count = len(quantity.against.places)
            assert values.shape[1] == count, (
                f"{what} has {values.shape[1]} values at {count} places"
            )
        there = values[np.isfinite(values)]
        if quantity.low is not None:
            assert (there >= quantity.low - 1e-9).all(), f"{what} is below {quantity.low}"
        if quantity.high is not None:
            assert (there <= quantity.high + 1e-9).all(), f"{what} is above {quantity.high}"
    again = _measured(made, trainer, settings)
    for name, values in found.items():
        same = np.array_equal(values, again[name], equal_nan=True)
        assert same, f"{made.name}.{name} is another when measured again"


def check_training_untouched(made: Instrument, settings: Settings) -> None:
    """Measuring changes no bit of parameters, buffers, optimizer state or later training."""
    plain, measured = small_trainer(), small_trainer()
    state = torch.random.get_rng_state()
    _measured(made, measured, settings)
    same = torch.equal(state, torch.random.get_rng_state())
    assert same, f"{made.name} draws from torch's own generator"
    for trainer in (plain, measured):
        for _ in range(6):
            trainer.step()
    for name, tensor in plain.state().items():
        same = torch.equal(tensor, measured.state()[name])
        assert same, f"{made.name} changes training: {name} differs"


def check_members_apart(made: Instrument, settings: Settings) -> None:
    """A member's values do not depend on who else is in the stack, to float tolerance."""
    trainer = small_trainer()
    whole = _measured(made, trainer, settings)
    trainer.keep([1])
    alone = _measured(made, trainer, settings)
    for name in (q.name for q in made.quantities if not q.of_stack):
        values = alone[name]
        np.testing.assert_allclose(
            values[0], whole[name][1], rtol=5e-3, atol=1e-4, err_msg=f"{made.name}.{name}"
        )


def check_no_torch(module: str) -> None:
    """Importing the module of a declaration imports no torch."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    paths = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    environment = child.environment(os.environ | paths)
    done = subprocess.run(child.command("-c", code), env=environment, check=False)
    assert done.returncode == 0, f"importing {module} imports torch, or fails"


def _measured(made: Instrument, trainer: StackTrainer, settings: Settings) -> dict[str, Any]:
    found = made.measure(subject_now(trainer, made.needs), settings)
    return {
        name: np.asarray(v.detach().cpu() if isinstance(v, torch.Tensor) else v, np.float64)
        for name, v in found.items()
    }
