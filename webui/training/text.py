"""The starter's own tokenizer and text encoder, and how the encoder is taught to read.

Learning language through a denoiser is slow: every word must first change a picture. So the small
CLIP-style encoder is taught before, on captions alone (thousands a second, no picture needed), to
know at the end of a caption what it said: which words, and which thing has which colour, side and
count. The denoiser then has only to learn what these look like.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from webui.training.runs import Clock, Journal, learning_rate, load_checkpoint, save_checkpoint
from webui.training.streams import Stream
from webui.training.world import (
    COLOUR_WORDS,
    KINDS,
    SIDES,
    Caption,
    caption_facts,
    sample_scene,
    vocabulary,
)

log = logging.getLogger(__name__)

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
MAX_TOKENS = 77
"""Length of every encoding, as CLIP's: interfaces count on chunks of 75 between two marks."""


@dataclass(frozen=True)
class TextSettings:
    """Everything the text encoder depends on."""

    hidden: int = 192
    layers: int = 3
    heads: int = 4
    batch: int = 64
    peak_learning_rate: float = 1e-3
    budget_seconds: float = 12.5 * 60
    workers: int = 0
    """Processes that write captions ahead; 0 writes them between the steps."""
    seed: int = 2


RECIPES = {"cpu": TextSettings(), "gpu": TextSettings(batch=256, budget_seconds=90, workers=8)}


def build_tokenizer(captions: int = 4000) -> CLIPTokenizer:
    """Byte-level BPE as CLIP's, its merges learned from captions of the world.

    Every word of the world becomes one token; any other text in any script still has tokens,
    because all 256 bytes are in the vocabulary.
    """
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=None))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        min_frequency=1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    bpe.train_from_iterator((_caption_of(seed).text for seed in range(captions)), trainer)
    learned = bpe.to_str()
    return _clip_tokenizer(learned)


def _clip_tokenizer(learned: str) -> CLIPTokenizer:

    merges = [
        tuple(pair) if isinstance(pair, list) else tuple(pair.split(" "))
        for pair in json.loads(learned)["model"]["merges"]
    ]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [
        *alphabet,
        *(letter + "</w>" for letter in alphabet),
        *("".join(pair) for pair in merges),
    ]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    vocab[BOS], vocab[EOS] = len(vocab), len(vocab) + 1
    # The cast: pairs are what it takes, its annotation is older.
    tokenizer: CLIPTokenizer = CLIPTokenizer(
        vocab=vocab, merges=cast("list[str]", merges), bos_token=BOS, eos_token=EOS, pad_token=EOS, unk_token=EOS,
        model_max_length=MAX_TOKENS,
    )  # fmt: skip
    return tokenizer


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids (B, 77): begin mark, words, end mark, and end marks to the full length."""
    encoded = tokenizer(
        texts, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    ids: Tensor = encoded.input_ids
    return ids


def build_text_encoder(settings: TextSettings, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """A CLIP text transformer (causal, quick GELU) of these settings, randomly initialised."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.hidden,
            intermediate_size=settings.hidden * 4,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            projection_dim=settings.hidden,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


_WORDS = vocabulary()
_WORD_INDEX = {word: i for i, word in enumerate(_WORDS)}
MOST_ALIKE = 3
"""Things of one group."""
FACTS = len(_WORDS) + len(KINDS) * (
    len(COLOUR_WORDS) + len(SIDES) + MOST_ALIKE + (len(COLOUR_WORDS) + MOST_ALIKE) * len(SIDES)
)
"""Length of the vector of facts that a caption can state."""


def stated_facts(said: Caption) -> NDArray[np.float32]:
    """What a caption states, as 0 and 1 (FACTS,): words, then per kind colour, side, count, and both of these at a side."""
    words = np.zeros(len(_WORDS), np.float32)
    words[[_WORD_INDEX[word] for word in said.words]] = 1
    colours = np.zeros((len(KINDS), len(COLOUR_WORDS)), np.float32)
    sides = np.zeros((len(KINDS), len(SIDES)), np.float32)
    counts = np.zeros((len(KINDS), MOST_ALIKE), np.float32)
    coloured = np.zeros((len(KINDS), len(COLOUR_WORDS), len(SIDES)), np.float32)
    counted = np.zeros((len(KINDS), MOST_ALIKE, len(SIDES)), np.float32)
    for mention in said.said_things:
        kind = KINDS.index(mention.thing.kind)
        count = mention.thing.count - 1 if mention.said_count else 0
        counts[kind, count] = 1
        if mention.said_side:
            sides[kind, SIDES.index(mention.thing.side)] = 1
            counted[kind, count, SIDES.index(mention.thing.side)] = 1
        if mention.said_colour and mention.thing.colour is not None:
            colour = COLOUR_WORDS.index(mention.thing.colour)
            colours[kind, colour] = 1
            if mention.said_side:
                coloured[kind, colour, SIDES.index(mention.thing.side)] = 1
    tables = (colours, sides, counts, coloured, counted)
    return np.concatenate([words, *(table.ravel() for table in tables)])


def _caption_of(seed: int) -> Caption:
    return caption_facts(sample_scene(seed), np.random.default_rng([seed, 1]))


def _captions_of_a_step(batch: int, number: int) -> tuple[list[str], NDArray[np.float32]]:
    said = [_caption_of(seed) for seed in range(number * batch, (number + 1) * batch)]
    return [caption.text for caption in said], np.stack([stated_facts(caption) for caption in said])


def take_over(encoder: CLIPTextModel, tokenizer: CLIPTokenizer, old: Path) -> None:
    """Start from an older encoder in the diffusers folder `old`; words keep what they meant."""
    before = CLIPTextModel.from_pretrained(old / "text_encoder", dtype=torch.float32)
    known = CLIPTokenizer.from_pretrained(old / "tokenizer", local_files_only=True).get_vocab()
    weights, own = before.state_dict(), encoder.state_dict()
    words = next(name for name in own if name.endswith("token_embedding.weight"))
    with torch.no_grad():
        table = own[words].clone()
        for piece, index in tokenizer.get_vocab().items():
            if piece in known:
                table[index] = weights[words][known[piece]]
        encoder.load_state_dict({**weights, words: table})


def train_text_encoder(
    settings: TextSettings, folder: Path, device: torch.device, start: Path | None = None
) -> tuple[CLIPTokenizer, CLIPTextModel]:
    """Teach the encoder to state what a caption said, at and after its end mark.

    Args:
        settings: Of the encoder.
        folder: Of the run.
        device: To train on.
        start: A diffusers folder whose encoder, of the same size, is taught on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)  # noqa: TID251  (a training run owns its process)
    tokenizer = build_tokenizer()
    encoder = build_text_encoder(settings, tokenizer)
    if start is not None:
        take_over(encoder, tokenizer, start)
    nn.Module.to(encoder, device)  # transformers' own `to` is typed without devices
    reader = nn.Linear(settings.hidden, FACTS).to(device)
    weights = [*encoder.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.98), weight_decay=0.01)
    clock, step = Clock(settings.budget_seconds), 0
    path, journal = folder / "checkpoint.pt", Journal(folder, "text-encoder")
    if (saved := load_checkpoint(path)) is not None:
        encoder.load_state_dict(saved["encoder"])
        reader.load_state_dict(saved["reader"])
        optimizer.load_state_dict(saved["optimizer"])
        step, clock.spent_seconds = saved["step"], saved["seconds"]

    workers = settings.workers if clock.progress < 1.0 else 0
    captions = Stream(partial(_captions_of_a_step, settings.batch), workers, step)
    last_said = clock.seconds
    while (progress := clock.progress) < 1.0:
        texts, facts = next(captions)
        ids = tokenize(tokenizer, texts).to(device)
        wanted = torch.from_numpy(facts).to(device)
        loss, exact = _reading(encoder, reader, ids, wanted, tokenizer.eos_token_id, step % 4 == 0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings.peak_learning_rate, step, progress)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        if clock.seconds - last_said > 20 or clock.progress >= 1.0:
            last_said = clock.seconds
            said = {"loss": loss.item(), "captions_read_exactly": exact.item()}
            journal.add(seconds=last_said, step=step, **said)
            log.info(
                "text: %.0f s, step %d, loss %.4f, read exactly %.3f",
                last_said,
                step,
                *said.values(),
            )
    save_checkpoint(
        path, settings, encoder=encoder.state_dict(), reader=reader.state_dict(),
        optimizer=optimizer.state_dict(), step=step, seconds=clock.seconds,
    )  # fmt: skip
    encoder.requires_grad_(False)
    return tokenizer, encoder


def _reading(
    encoder: CLIPTextModel, reader: nn.Linear, ids: Tensor, wanted: Tensor, end: int, whole: bool
) -> tuple[Tensor, Tensor]:
    """The loss of what is stated of captions at and after their end marks, and the share stated without a fault.

    Args:
        encoder: Reads the captions.
        reader: From a token's hidden state to `FACTS` logits.
        ids: (B, T), captions filled up with end marks.
        wanted: (B, FACTS), 0 or 1.
        end: The end mark's id.
        whole: Read the tail that only fills up, too.
    """
    ends = (ids == end).int().argmax(dim=1)
    if not whole:
        ids = ids[:, : int(ends.max()) + 2]
    hidden = encoder(ids).last_hidden_state  # (B, T, hidden)
    after = torch.arange(ids.shape[1], device=ids.device)[None] >= ends[:, None]  # (B, T)
    stated = reader(hidden[after])
    targets = wanted[:, None].expand(-1, ids.shape[1], -1)[after]
    exact = ((stated > 0) == (targets > 0.5)).all(dim=1).float().mean()
    return F.binary_cross_entropy_with_logits(stated, targets) * 10, exact
