"""The critical sample ratio: how close to a decision the data lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memlab.experiment.instruments import Abscissa, Instrument, Quantity, Settings, Workload

if TYPE_CHECKING:
    from memlab.instruments.subject import Subject


class CriticalSettings(Settings):
    """Settings of `critical-samples`."""

    radii: tuple[Annotated[float, Field(gt=0.0)], ...] = Field(
        default=(0.05, 0.1, 0.2),
        description="ℓ∞ radii of the search, ascending, in scaled inputs",
        min_length=1,
    )
    radius: Annotated[float, Field(gt=0.0)] = Field(
        default=0.1, description="The radius that the headline is read off at"
    )
    steps: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=10, description="Steps of the search at most"
    )


def cost(settings: CriticalSettings, work: Workload) -> float:
    """A step is a pass through the network and back to the input, for what is not found yet."""
    count = min(settings.examples, work.validation_examples)
    return 0.4 * settings.steps * len(settings.radii) * count


def measure(subject: Subject, settings: CriticalSettings) -> Mapping[str, Any]:
    """LASS on validation examples, at each radius; found ones are searched no more."""
    from memlab.instruments.critical_samples import critical_curve
    from memlab.instruments.token_inputs import varied

    sample = subject.validation_sample(settings.examples)
    radii = tuple(sorted({*settings.radii, settings.radius}))
    forward, x = varied(subject, sample)
    found = critical_curve(forward, x, radii, settings.steps, subject.seeds, subject.update)
    ratios = found.ratio
    return {
        "ratio": ratios[radii.index(settings.radius)],
        "ratios": ratios.T,
        "radii": ratios.T * 0 + ratios.new_tensor(radii),
        "steps": found.steps.double().mean(2).T,
    }


INSTRUMENT = Instrument(
    name="critical-samples",
    title="critical sample ratio",
    about="Share of validation examples with another predicted class within a small box (LASS)",
    source="Arpit 2017, arXiv 1706.05394, section 4.1",
    quantities=(
        Quantity("ratio", "critical ÷ all at the headline radius", low=0.0, high=1.0),
        Quantity(
            "ratios",
            "critical ÷ all at each radius",
            shape=("radius",),
            low=0.0,
            high=1.0,
            against=Abscissa("radii"),
        ),
        Quantity("radii", "the radii", "scaled inputs", ("radius",)),
        Quantity(
            "steps",
            "mean steps of the search at each radius",
            shape=("radius",),
            against=Abscissa("radii"),
        ),
    ),
    headline="ratio",
    measure=measure,
    cost=cost,
    settings=CriticalSettings,
)
