"""Speaks as the preview process does, with invented pictures; `gone` dies at once."""

import json
import sys


def picture(number: int) -> list[list[int]]:
    return [[(37 * number + x * y * 5) % 256 for x in range(8)] for y in range(8)]


def example(number: int, fraction: float) -> dict[str, object]:
    lie = (number * 37 % 100) / 100 < fraction
    true = number % 10
    given = (true + 3) % 10 if lie else true
    return {
        "pixels": picture(number),
        "given": str(given),
        "true": str(true),
        "corrupted": lie,
    }


for line in sys.stdin:
    if "gone" in sys.argv:
        break
    question = json.loads(line)
    if question.get("list"):
        print(json.dumps({"id": question["id"], "downloads": {"cifar10": 170e6}}), flush=True)
        continue
    fraction = question["experiment"]["corruption"]["fraction"]
    answer = {
        "id": question["id"],
        "examples": [example(number, fraction) for number in range(question["count"])],
        "drawn": fraction,
        "changed": fraction * 0.9,
        "sizes": [1000, 400, 397],
    }
    print(json.dumps(answer), flush=True)
