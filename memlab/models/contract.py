"""What every architecture has to keep to, as checks that a third party's tests can call."""

from __future__ import annotations

import numpy as np
import torch

from memlab.experiment.architecture import parameter_count
from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.models import build


def check_architecture(
    spec: ModelSpec, image_shape: tuple[int, int, int] | None = (1, 8, 8), classes: int = 10
) -> None:
    """A stack of three is three networks: shapes, parameter count, drawing, members apart.

    Raises:
        AssertionError: with what the architecture does not keep to.
    """
    features = int(np.prod(image_shape)) if image_shape else 40

    def made(seeds: tuple[int, ...]) -> torch.nn.Module:
        model = build(
            spec, members=len(seeds), image_shape=image_shape, features=features, classes=classes
        )
        model.initialize([key(seed, "init") for seed in seeds])
        return model

    shape = image_shape or (features,)
    x = torch.from_numpy(key(0, "contract").standard_normal((1, 5, *shape), dtype=np.float32))
    whole, alone = made((0, 1, 2)), made((1,))
    counted = sum(p[0].numel() for p in whole.parameters())
    expected = parameter_count(spec, image_shape, features, classes)
    assert counted == expected, f"{spec.name} has {counted} parameters, its walk counts {expected}"
    with torch.no_grad():
        logits, single = whole(x), alone(x)
    assert logits.shape == (3, 5, classes), f"{spec.name} gives logits {tuple(logits.shape)}"
    apart = not torch.equal(logits[0], logits[1])
    assert apart, f"{spec.name} draws members alike"
    torch.testing.assert_close(
        logits[1:2], single, rtol=1e-4, atol=1e-5, msg=f"{spec.name}: a member alone differs"
    )
    for name, tensor in whole.state_dict().items():
        assert tensor.shape[0] == 3, f"{spec.name}: {name} has no leading member dimension"
