"""The card of a folder of LoRAs, written from what their headers say."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import safe_open

from webui.training.export import TABLE_BEGINS, TABLE_ENDS, measured_part

_CARD = """\
---
license: apache-2.0
tags: [lora, text-to-image, latent-diffusion, easel]
---
# Starter LoRAs

Small changes of the starter's text model, each of which teaches it one thing. Put `<lora:{first}:1>` and the word
`{word}` into the prompt.

They were trained by this repository, on scenes that this repository draws; no other data is in them.

{summaries}

## Made by

| LoRA | command | on | weights | trained for | steps |
|---|---|---|---|---|---|
{runs}

## Measured

{begins}
{measured}
{ends}

## Limits

They belong to the starter's text model and its world, and were trained at weight 1.

Licence: Apache-2.0, as the repository.
"""
_RUN = "| {name} | `{command}` | {hardware} | {millions:.2f} M | {seconds} s | {steps} |"


def write_lora_card(folder: Path, name: str) -> None:
    """Write `README.md` beside LoRAs that this repository made; what was measured stays in it.

    Args:
        folder: Where the files are.
        name: Below `models/`, for the command that measures them.
    """
    facts = [_facts(file) for file in sorted(folder.glob("*.safetensors"))]
    card = folder / "README.md"
    kept = measured_part(card) or f"Not measured yet: `python launch.py evaluate {name}`."
    text = _CARD.format(
        first=facts[0]["name"],
        word=facts[0].get("modelspec.trigger_phrase", ""),
        summaries="\n".join(
            f"- `{fact['name']}`: {fact.get('modelspec.description', '')}" for fact in facts
        ),
        runs="\n".join(_row(fact) for fact in facts),
        begins=TABLE_BEGINS,
        measured=kept,
        ends=TABLE_ENDS,
    )
    card.write_text(text, "utf-8")


def _facts(file: Path) -> dict[str, str]:
    with safe_open(file, "pt") as weights:
        shapes = [weights.get_slice(key).get_shape() for key in weights.keys()]  # noqa: SIM118
        size = sum(math.prod(shape) for shape in shapes)
        return {**(weights.metadata() or {}), "name": file.stem, "size": str(size)}


def _row(fact: dict[str, str]) -> str:
    return _RUN.format(
        name=fact["name"],
        command=fact.get("training.command", ""),
        hardware=fact.get("training.hardware", ""),
        millions=int(fact["size"]) / 1e6,
        seconds=fact.get("training.seconds", "?"),
        steps=fact.get("training.steps", "?"),
    )
