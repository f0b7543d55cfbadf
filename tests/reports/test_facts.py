"""What a report says it was made with."""

from __future__ import annotations

import pytest

from memlab.reports.facts import BF16, TF32, TF32_ELSEWHERE, made_with
from tests.reports.conftest import findings, row


@pytest.mark.parametrize(
    ("experiment", "device", "told"),
    [
        ({}, "cuda:0, H100", None),
        ({"training": {"precision": "float32"}}, "cuda:0, H100", None),
        ({"training": {"precision": "tf32"}}, "cuda:0, H100", TF32),
        ({"training": {"precision": "tf32"}}, "cpu (2 threads)", TF32_ELSEWHERE),
        ({"training": {"precision": "bf16"}}, "cpu (2 threads)", BF16),
        ({"axes": {"training.precision": ["float32", "bf16"]}}, "cpu", BF16),
        ({"training": 3, "axes": "odd"}, "cpu", None),
    ],
)
def test_a_report_states_the_arithmetic_where_it_is_not_float32(experiment, device, told):
    made = findings([row({})], [], experiment=experiment, device=device)
    assert dict(made_with(made)).get("precision") == told
