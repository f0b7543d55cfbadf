"""The trainer: one stack of networks, from the first update to the last.

The only training loop in memlab; a single network is a stack of one. It knows members, data and
time in updates; files, requests and clocks are the worker's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.experiment.architecture import activation_width, resolve
from memlab.experiment.footprint import evaluation_floats
from memlab.experiment.keys import key
from memlab.experiment.metrics import LEARNING_RATE, METRICS
from memlab.experiment.own_network import is_own
from memlab.experiment.schedule import Timeline
from memlab.experiment.spec import Experiment
from memlab.models import StackedModel, build
from memlab.training.arrays import StackArrays
from memlab.training.augmentation import augment
from memlab.training.captured import CapturedStep, Execution
from memlab.training.device_noise import DeviceNoise, DeviceStream, augment_on_device
from memlab.training.divergence import Divergence
from memlab.training.evaluation import Evaluation, Forward, Split, evaluate, margins
from memlab.training.fused import FusedPerceptron, supported
from memlab.training.layouts import CHANNELS_LAST, CONTIGUOUS, PADDED, Layout
from memlab.training.objective import Objective
from memlab.training.optimizers import Descent, Hyperparameters, StackOptimizer
from memlab.training.order import BatchOrder
from memlab.training.plan import StackPlan
from memlab.training.presentations import Presentations
from memlab.training.randomness import KeyedNoise, Rates, branched
from memlab.training.rates import StackRates, first_rates
from memlab.training.workspace import Workspace


@dataclass(frozen=True)
class Shapes:
    """What a model needs to know of the data."""

    image_shape: tuple[int, int, int] | None
    features: int
    classes: int


class StackTrainer:
    """Trains the members of `plan` on `arrays` (one entry per member, in the plan's order).

    The `layout` is the plan's too: another gives other last bits. One that makes no difference to
    the model is as good as `contiguous`.
    """

    def __init__(
        self,
        plan: StackPlan,
        arrays: StackArrays,
        shapes: Shapes,
        device: torch.device,
        fused: bool = True,
        layout: Layout = CONTIGUOUS,
        execution: Execution | None = None,
    ) -> None:
        self.plan = plan
        self.layout: Layout = layout
        self.device = device
        self.shapes = shapes
        self.update = 0
        self.presented: Presentations | None = None
        self._sharpness: Tensor | None = None
        self.active = list(range(len(plan.members)))
        self._experiments = [member.experiment for member in plan.members]
        self._seeds = [member.seed for member in plan.members]
        first = self._experiments[0]
        self._spec = resolve(first.model)
        self._augmentation = first.regularization.augmentation
        self._parts = first.evaluation.parts
        self._allow_fused = fused
        self._execution = execution or Execution.on(device, is_own(first.model.name))
        self.model: StackedModel = self.initial()
        self.arrays = arrays
        self._rates = Rates.of(self._experiments)
        self._optimizer = StackOptimizer(
            first.optimizer.name,
            first.optimizer.nesterov,
            self._parameters(),
            Hyperparameters.of(self._experiments, device, torch.float32),
        )
        self._divergence = Divergence(len(self._seeds), device)
        self._workspace = Workspace(device)
        examples = plan.timeline.train_examples
        forking = (e for e in self._experiments if e.fork.at is not None)
        forks = (Timeline(e, examples).fork for e in forking)
        self._objective = Objective(self._experiments, plan.timeline, device)
        # Where anything changes but what a schedule changes at each update.
        self._forks = frozenset(u for u in forks if u is not None) | self._objective.fisher.borders
        self._width = activation_width(
            first.model, shapes.image_shape, shapes.features, shapes.classes
        )
        self._refresh()

    def initial(self) -> StackedModel:
        """The active members as they are before the first update."""
        model = build(
            self._experiments[0].model,
            members=len(self.active),
            image_shape=self.shapes.image_shape,
            features=self.shapes.features,
            classes=self.shapes.classes,
        )
        model.initialize([key(seed, "init") for seed in self.seeds()])
        model.channels_last = self.layout == CHANNELS_LAST
        model.start_here()
        return model.to(self.device)

    def descent(self) -> Descent:
        """How the active members descend, as an instrument sees it."""
        specs = [self._experiments[i].optimizer for i in self.active]
        plain = self._optimizer.name == "sgd"
        return Descent(
            name=self._optimizer.name,
            nesterov=self._optimizer.nesterov,
            momenta=self._vector([spec.momentum if plain else 0.0 for spec in specs]),
            beta1=self._vector([spec.beta1 for spec in specs]),
            preconditioner=self._optimizer.preconditioner,
        )

    def cells(self) -> list[int]:
        """A number for each active member, the same for those that differ in their seed only."""
        values = [self.plan.members[at].axis_values for at in self.active]
        return [values.index(value) for value in values]

    def _parameters(self) -> list[Tensor]:
        return list(self.model.parameters())

    def _fork(self) -> None:
        """The settings of those active members whose fork is behind them, and what follows."""
        experiments = [self._experiments[i] for i in self.active]
        examples = self.plan.timeline.train_examples
        now = [e.branch if Timeline(e, examples).forked(self.update) else e for e in experiments]
        self._optimizer.govern(Hyperparameters.of(now, self.device, torch.float32))
        self._rates = Rates.of(now)
        self._objective.at(self.active, self.update)
        self._noisy = self._rates.active
        self._draw()
        self._captured = self._make_captured()

    def _draw(self) -> None:
        """What keys order and noise of the active members at this update."""
        examples, self._keys = self.plan.timeline.train_examples, self.seeds()
        for position, i in enumerate(self.active):
            made = self._experiments[i]
            own = made.fork.noise_seed
            if own is not None and Timeline(made, examples).forked(self.update):
                self._keys[position] = branched(self._keys[position], own)
        subset = self.arrays.own_index()
        self._order = BatchOrder(self._keys, examples, subset, self.device)

    def _refresh(self) -> None:
        """What follows from the set of active members."""
        experiments = [self._experiments[i] for i in self.active]
        self._draw()
        self._predicted: dict[int, Tensor] = {}
        self._objective.follow(self.active, self.update)
        self._schedule = self._rates_of(experiments)
        self._noisy = self._rates.active
        self._split = Split.of(self.arrays)
        self._fused = self._make_fused()
        self._captured = self._make_captured()

    def _rates_of(self, experiments: Sequence[Experiment]) -> StackRates:
        examples = self.plan.timeline.train_examples
        return StackRates(experiments, examples, self.device, self.first_rates())

    def first_rates(self) -> list[float]:
        """Learning rates that the active members start from, before any warm-up."""
        return first_rates([self._experiments[i].optimizer for i in self.active], self._sharpness)

    @property
    def wants_sharpness(self) -> bool:
        """Whether a learning rate waits for `take_sharpness`."""
        specs = (self._experiments[i].optimizer for i in self.active)
        asked = any(spec.learning_rate_of_sharpness is not None for spec in specs)
        return asked and self._sharpness is None

    def take_sharpness(self, sharpness: Tensor) -> None:
        """Tells λ₀ of the loss that each active member descends, `[active]`, above 0."""
        self._sharpness = sharpness.double().cpu()
        self._schedule = self._rates_of([self._experiments[i] for i in self.active])

    def _vector(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def _make_fused(self) -> FusedPerceptron | None:
        spec = self._spec
        if not (self._allow_fused and self._objective.plain and supported(spec)):
            return None
        weights, biases = self.model.perceptron()
        return FusedPerceptron(
            weights, biases, spec.activation, self.loss, self._optimizer, self.layout == PADDED
        )

    @property
    def examples(self) -> int:
        """Examples that each member has seen."""
        return self.plan.timeline.examples_before(self.update)

    def seeds(self) -> list[int]:
        """The seeds of the active members."""
        return [self._seeds[i] for i in self.active]

    def step(self) -> None:
        """One update of all active members."""
        if self.update in self._forks:
            self._fork()
        size = self.plan.timeline.phase(self.update).batch_size
        index = self._batch_index(size)
        rates = self._schedule.vector(self.update)
        room = None if self.presented is None else self.presented.room(size)
        if room is not None and (self._captured is None or size not in self._predicted):
            # What a graph writes into is its own, made before it is captured.
            self._predicted[size] = room if self._captured is None else torch.empty_like(room)
        if self._captured is not None:
            losses = self._captured(index, rates)
            self._optimizer.steps = self.update + 1
        else:
            losses = self._descend(index, rates)
        self._divergence.note(self.update, losses)
        if self.presented is not None and room is not None:
            if self._captured is not None:
                room.copy_(self._predicted[size])
            total = self.plan.timeline.train_examples
            self.presented.take(index, room, self.update, total - self.examples % total)
        self.update += 1

    def tell(self, presented: Presentations) -> None:
        """From the next update on tells `presented` what the members answer."""
        self.presented = presented
        presented.follow(self.active, self.arrays.train.labels, lambda: self._divergence.since)

    def _descend(self, index: Tensor, rates: Tensor) -> Tensor:
        """Updates all members on the examples `index`; their losses before it, `[active]`."""
        x = self.arrays.train.inputs.batch(index, self._workspace)
        targets = self.arrays.train.labels.gather(1, index)
        if self._augmentation != "none" and x.dim() == 5:
            x = self._augmented(x)
        predicted = None if self.presented is None else self._predicted[index.shape[1]]
        if self._fused is not None:
            noise, smoothing = self._noise() if self._noisy else None, self._objective.smoothing
            losses = self._fused.step(x, targets, rates, smoothing, noise, predicted)
        else:
            losses, gradients = self._objective.gradients(
                self.model, x, targets, self._noise, predicted
            )
            self._optimizer.step(gradients, rates)
        if self._stream is not None:
            self._stream.update.add_(1)
        return losses

    def _noise(self, tag: str = "") -> KeyedNoise:
        if self._stream is not None:
            return DeviceNoise(self._stream, tag)
        return KeyedNoise(self._keys, self._rates, self.update, tag)

    def _augmented(self, x: Tensor) -> Tensor:
        if self._stream is not None:
            return augment_on_device(self._augmentation, x, self._stream)
        return augment(self._augmentation, x, self._keys, self.update)

    def _make_captured(self) -> CapturedStep | None:
        """What counts updates on the device, from `self.update` on, and the step that needs it."""
        self._stream: DeviceStream | None = None
        if self._execution.counts_there:
            self._stream = DeviceStream(self._keys, self._rates, self.device, self.update)
            self._optimizer.count_there()
        if self._execution.step == "direct":
            return None
        graphs = self._execution.step == "graph"
        return CapturedStep(self._descend, self._changing, graphs)

    def _changing(self) -> dict[str, Tensor]:
        """All tensors that an update changes."""
        changing = self.state()
        changing.pop("sharpness", None)
        if self._stream is not None:
            changing["updates"] = self._stream.update
        if self._optimizer.count is not None:
            changing["steps"] = self._optimizer.count
        return changing

    @property
    def loss(self) -> str:
        """The name of the loss that is descended."""
        return self._objective.loss

    @property
    def loss_divisor(self) -> float:
        """What that loss is divided by, as `Objective.divisor`."""
        return self._objective.divisor

    def learning_rates(self) -> np.ndarray:
        """Learning rate of each active member's next update, float64 `[active]`."""
        return self._schedule.values(min(self.update, self.plan.timeline.updates - 1))

    def _batch_index(self, size: int) -> Tensor:
        """Which examples each member sees next, `[active, size]`."""
        return self._order.batch(self.examples, size)

    def _forward(self) -> Forward:
        if self._fused is not None:
            whole = self.layout == CONTIGUOUS  # blocks of another size give other last bits
            return Forward(self._fused.logits, self._width, whole)
        floats = evaluation_floats(self._spec.name)
        return Forward(lambda x, start, stop: self.model(x), self._width, True, floats)

    def evaluate(
        self, margins: bool = False, outcomes: bool = False, sides: bool = False
    ) -> Evaluation:
        """All metrics of the active members, float64 `[active]` on the host; the rest stays.

        NaN for parts that the experiment leaves out; `margins` are those of the training set, which
        is then measured in any case; `outcomes` are margins of training and test set, `sides`
        probabilities of training examples by those that are trained on them, and that are not.
        """
        parts = {*self._parts, "train"} if margins else self._parts
        measured = evaluate(
            self._forward(), self.arrays, self._split, self.loss, parts, margins, outcomes, sides
        )
        table = torch.stack(list(measured.metrics.values())).cpu()
        found = dict(zip(measured.metrics, table, strict=True))
        found[LEARNING_RATE] = torch.from_numpy(self.learning_rates())
        metrics = {name: found.get(name, torch.full_like(table[0], torch.nan)) for name in METRICS}
        return Evaluation(metrics, measured.repeated, measured.train, measured.test)

    def margins(self, positions: Sequence[int]) -> Tensor:
        """Margins of the active members at `positions` alone, `[positions, train + test]`."""
        keep = torch.tensor(list(positions), dtype=torch.int64, device=self.device)
        model = self.model.select(keep)
        forward = Forward(lambda x, start, stop: model(x), self._width, whole=True)
        return margins(forward, self.arrays.select(keep), self.loss)

    def diverged(self) -> np.ndarray:
        """Update at which each active member's loss stopped being finite, −1 for none."""
        return self._divergence.since.cpu().numpy()

    def keep(self, positions: Sequence[int]) -> None:
        """Goes on with the active members at `positions` only; the others are finished."""
        keep = torch.tensor(list(positions), dtype=torch.int64, device=self.device)
        if self.presented is not None:
            self.presented.look()
        self.model = self.model.select(keep)
        self._optimizer = self._optimizer.select(keep, self._parameters())
        self.arrays = self.arrays.select(keep)
        self._rates = self._rates.select(np.array(positions))
        self._divergence = self._divergence.select(keep)
        if self._sharpness is not None:
            self._sharpness = self._sharpness[list(positions)]
        self.active = [self.active[i] for i in positions]
        if self.presented is not None:
            self.tell(self.presented)
        self._refresh()

    def state(self) -> dict[str, Tensor]:
        """Tensors that, with `update`, `active` and `steps`, are all that is needed to go on."""
        model = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        optimizer = {f"optimizer.{name}": t for name, t in self._optimizer.state().items()}
        found = {**model, **optimizer, "diverged": self._divergence.since}
        return found if self._sharpness is None else found | {"sharpness": self._sharpness}

    @property
    def steps(self) -> int:
        """Updates that the optimizer's moments have behind them."""
        return self._optimizer.steps

    def restore(self, state: dict[str, Tensor], update: int, active: list[int], steps: int) -> None:
        """Takes back what `state` gave; called on a fresh trainer."""
        if active != self.active:
            self.keep(active)
        self.update = update
        moments, parameters = {}, {}
        for name, tensor in state.items():
            part, _, rest = name.partition(".")
            if part == "model":
                parameters[rest] = tensor.to(self.device)
            elif part == "optimizer":
                moments[rest] = tensor.to(self.device)
        self.model.load_state_dict(parameters)
        self._optimizer.load(moments, steps)
        if "sharpness" in state:
            self.take_sharpness(state["sharpness"])
        if self._forks:
            self._fork()
        self._divergence = Divergence.known(state["diverged"].to(self.device))
        self._fused = self._make_fused()
        self._captured = self._make_captured()
