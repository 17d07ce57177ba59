"""What the metadata of a file's header say of its making: words that call it, and its training."""

from __future__ import annotations

from collections.abc import Mapping

_TRAINING: Mapping[str, str] = {
    "ss_sd_model_name": "Base model",
    "ss_network_module": "Network",
    "ss_network_dim": "Rank",
    "ss_network_alpha": "Alpha",
    "ss_resolution": "Resolution",
    "ss_num_train_images": "Pictures",
    "ss_num_epochs": "Epochs",
    "ss_steps": "Steps",
    "ss_learning_rate": "Learning rate",
    "ss_clip_skip": "Clip skip",
    "modelspec.author": "Author",
    "modelspec.license": "Licence",
    "modelspec.date": "Date",
    "modelspec.usage_hint": "Usage",
}
"""Keys of the header that are shown, and what they are called."""
LONGEST = 200
"""Characters of a value that is shown."""


def trigger_words(said: Mapping[str, str]) -> tuple[str, ...]:
    """What to write into a prompt for it to show, as its author says."""
    text = said.get("modelspec.trigger_phrase", "")[: 5 * LONGEST]
    return tuple(phrase.strip() for phrase in text.split(",") if phrase.strip())


def training_of(said: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Facts of its training: title and value."""
    return tuple(
        (title, said[key][:LONGEST])
        for key, title in _TRAINING.items()
        if said.get(key) not in (None, "", "None")
    )
