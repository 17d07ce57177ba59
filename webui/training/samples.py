"""The sample cards of the first visit: `python -m webui.training.samples`.

Draws six prompts with the starter model, as any user's job is drawn, and puts the pictures and
their list where the page looks for them. One click on a card then gives exactly its picture.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from webui.contracts.ids import ModelId
from webui.contracts.request import GenerationRequest
from webui.training.command import REPOSITORY
from webui.training.evaluation.drawing import draw, load_folder

FOLDER = REPOSITORY / "webui" / "ui" / "assets" / "samples"

SAMPLES: tuple[tuple[str, int], ...] = (
    ("a red house on the left, a green meadow with mountains at sunset", 3),
    ("two white boats in the centre, a calm lake at night, a full moon", 3),
    ("a watercolour of a purple balloon in the middle, sand dunes during the day", 4),
    ("three pines on the right, a snowy field with mountains at dawn", 7),
    (
        "a pencil drawing of a blue house on the right, a tree to the left, a meadow in daylight, in autumn",
        8,
    ),
    ("a red boat on the left, a yellow balloon on the right, the sea at sunrise", 4),
)
"""Prompt and seed; everything else is the request's default, as a click on the card leaves it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the cards and write their list."""
    parser = argparse.ArgumentParser(prog="python -m webui.training.samples", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    model = load_folder(REPOSITORY / "models" / "starter" / "text", ModelId("starter/text"))
    requests = [GenerationRequest(prompt=prompt, seed=seed) for prompt, seed in SAMPLES]
    listed = []
    for i, (request, picture) in enumerate(zip(requests, draw(model, requests), strict=True)):
        file = f"sample-{i + 1}.webp"
        Image.fromarray(picture).save(folder / file, quality=92, method=6)
        listed.append({"prompt": request.prompt, "seed": request.seed, "file": file})
    (folder / "samples.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
