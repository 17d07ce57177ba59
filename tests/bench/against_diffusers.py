"""Our engine against diffusers' own pipeline: the same weights, steps, sampler and size, in turn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

from tests.bench.ends import Ends
from tests.bench.shapes import SD15, TOKENS, of_shape, random_unet
from tests.bench.table import Row, interleaved, ratio_row
from tests.studio import REPOSITORY
from webui.contracts.ids import JobId, ModelId
from webui.contracts.messages import RunJob
from webui.contracts.request import GenerationRequest
from webui.engine.engine import Engine, EngineOptions
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.packed.on_processor import quicken
from webui.engine.packed.product import has_bfloat16
from webui.engine.precision import use_bfloat16_on_processor
from webui.engine.residency import Residency
from webui.engine.work import Answer, DecodeLatent, Work
from webui.training.evaluation.drawing import draw, load_folder

FOLDER = REPOSITORY / "models" / "starter" / "text"
PROMPTS = tuple(
    f"a {colour} {thing} on the left, the sea at dawn"
    for colour in ("red", "white") for thing in ("house", "boat", "balloon", "tree")
)  # fmt: skip
STEPS, CROWD_STEPS, GUIDANCE = 20, 10, 5.0
LARGE_STEPS, LARGE_SIZE, CACHED = 3, 256, 3
COARSE = "with --bfloat16"
EIGHT = "in eight bits"
SAVED: dict[str, object] = {"deep_cache_interval": CACHED, "token_merging_ratio": 0.5}


def starter_rows(rounds: int = 2) -> list[Row]:
    """One picture, and eight at once, on the model in the box."""
    model, pipeline = load_folder(FOLDER, ModelId("starter/text")), pipeline_of_folder()
    coarse = coarse_starter()
    one = interleaved(
        2 * rounds + 1,
        {
            "ours": lambda: draw(model, requests(1)),
            "coarse": lambda: draw(coarse, requests(1)),
            "eight": lambda: draw(model, requests(1, eight_bits=True)),
            "theirs": lambda: pipeline_pictures(pipeline, PROMPTS[:1]),
        },
    )
    eight = interleaved(
        rounds,
        {
            "ours": lambda: draw(model, requests(8, CROWD_STEPS)),
            "coarse": lambda: draw(coarse, requests(8, CROWD_STEPS)),
            "in a row": lambda: one_by_one(pipeline),
            "together": lambda: pipeline_pictures(pipeline, PROMPTS, CROWD_STEPS),
        },
    )
    shown = "starter, 256x256, over diffusers' pipeline"
    crowd = f"{shown}, {CROWD_STEPS} steps: eight jobs at once"
    return [
        ratio_row(f"{shown}, {STEPS} steps: one picture", one["ours"], one["theirs"], 0.9),
        ratio_row(f"{crowd} over eight calls", eight["ours"], eight["in a row"], 0.75),
        ratio_row(f"{crowd} over one call of eight", eight["ours"], eight["together"], 0.75),
        ratio_row(
            f"{shown}, {STEPS} steps: one picture, {COARSE}", one["coarse"], one["theirs"], 0.9
        ),
        ratio_row(
            f"{crowd} over one call of eight, {COARSE}", eight["coarse"], eight["together"], 0.75
        ),
        ratio_row(
            f"{shown}, {STEPS} steps: one picture, {EIGHT}", one["eight"], one["theirs"], 0.9
        ),
        *distance_rows(model, coarse),
    ]


def coarse_starter() -> LoadedModel:
    """The model in the box in bfloat16; in float32 where this processor does not multiply in it."""
    use_bfloat16_on_processor()
    model = load_folder(FOLDER, ModelId("starter/text"))
    use_bfloat16_on_processor(wanted=False)
    return model


def distance_rows(model: LoadedModel, coarse: LoadedModel) -> list[Row]:
    """How far pictures with less arithmetic are from the exact ones: medians of four."""
    exact = draw(model, requests(4))
    rows = []
    kinds: dict[str, dict[str, object]] = {
        "DeepCache interval 2": {"deep_cache_interval": 2},
        "DeepCache interval 3": {"deep_cache_interval": CACHED},
        "token merging ratio 0.5": {"token_merging_ratio": 0.5},
        "both, 3 and 0.5": SAVED,
        EIGHT: {"eight_bits": True},
    }
    drawn = {name: draw(model, requests(4, STEPS, **kinds[name])) for name in kinds}
    drawn[COARSE] = draw(coarse, requests(4))
    for name, pictures in drawn.items():
        pairs = zip(pictures, exact, strict=True)
        distances = [np.asarray(a, float) - np.asarray(b, float) for a, b in pairs]
        mean = statistics.median(float(abs(d).mean()) for d in distances)
        decibels = statistics.median(
            10 * math.log10(255**2 / float((d**2).mean())) for d in distances
        )
        rows.append(
            Row(
                f"starter, distance from the exact picture: {name}",
                f"{mean:.1f} of 255 on average, {decibels:.1f} dB",
                "",
                None,
            )
        )
    return rows


def large_rows(rounds: int = 2) -> list[Row]:
    """The shape of Stable Diffusion 1.5 at 256x256, denoising alone: exact, and with savings."""
    cpu = torch.device("cpu")
    unet = random_unet(SD15, cpu, torch.float32)
    theirs = deepcopy(unet)
    starter = load_folder(FOLDER, ModelId("starter/text"))
    half = deepcopy(unet).to(torch.bfloat16) if has_bfloat16() else deepcopy(unet)
    for network in (unet, half):
        quicken(network)
    ours = of_shape("sd15-shape", SD15, unet, starter, LARGE_SIZE)
    coarse = of_shape("sd15-half", SD15, half, starter, LARGE_SIZE)
    pipeline = pipeline_around(theirs)
    seconds = interleaved(
        rounds,
        {
            "exact": lambda: denoise(ours, requests(1, LARGE_STEPS, width=LARGE_SIZE, height=LARGE_SIZE)),
            "coarse": lambda: denoise(coarse, requests(1, LARGE_STEPS, width=LARGE_SIZE, height=LARGE_SIZE)),
            "eight": lambda: denoise(
                ours, requests(1, LARGE_STEPS, width=LARGE_SIZE, height=LARGE_SIZE, eight_bits=True)
            ),
            "theirs": lambda: pipeline_latents(pipeline),
            "saved": lambda: denoise(
                ours, requests(1, LARGE_STEPS, width=LARGE_SIZE, height=LARGE_SIZE, **SAVED)
            ),
        },
    )  # fmt: skip
    shown = f"SD 1.5 shape, random weights, {LARGE_SIZE}x{LARGE_SIZE}, {LARGE_STEPS} steps, over diffusers' pipeline"
    return [
        ratio_row(f"{shown}: exact", seconds["exact"], seconds["theirs"], 1.0),
        ratio_row(f"{shown}: {COARSE}", seconds["coarse"], seconds["theirs"], 0.6),
        ratio_row(f"{shown}: {EIGHT}", seconds["eight"], seconds["theirs"], 0.6),
        ratio_row(
            f"{shown}: DeepCache interval {CACHED} and token merging 0.5",
            seconds["saved"],
            seconds["theirs"],
            0.6,
        ),
    ]


def requests(count: int, steps: int = STEPS, **fields: object) -> list[GenerationRequest]:
    """Orders of different prompts and seeds."""
    common = {"steps": steps, "guidance_scale": GUIDANCE, "sampler": "DPM++ 2M", **fields}
    return [
        GenerationRequest.model_validate({"prompt": prompt, "seed": seed, **common})
        for seed, prompt in enumerate(PROMPTS[:count])
    ]


def denoise(model: LoadedModel, orders: Sequence[GenerationRequest]) -> None:
    """Run orders through the engine, all but the decoding."""

    def run(works: Sequence[Work]) -> list[Answer]:
        if not isinstance(works[0], DecodeLatent):
            return execute(works)
        if model.device.type == "cuda":
            torch.cuda.synchronize()
        return [np.zeros((8, 8, 3), np.uint8) for _ in works]

    residency = Residency(lambda _: model, 2 * model.bytes, lambda _: None)
    with residency.use(model.checkpoint):
        ends = Ends()
        engine = Engine(residency, ends, EngineOptions(preview_seconds=math.inf), run=run)
        for i, request in enumerate(orders):
            engine.start(RunJob(JobId(str(i)), request, model.checkpoint, {}, (), ()))
        while engine.tick():
            pass
        ends.check()


# Any, here and below: diffusers' pipelines are typed loosely.
def pipeline_of_folder() -> Any:
    """Diffusers' pipeline of the model in the box, with the sampler that we compare."""
    pipeline = StableDiffusionPipeline.from_pretrained(FOLDER, local_files_only=True, dtype=torch.float32)  # fmt: skip
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, use_karras_sigmas=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def pipeline_around(unet: Any) -> Any:
    """The same with another denoising network."""
    pipeline = pipeline_of_folder()
    pipeline.unet = unet
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, use_karras_sigmas=True, prediction_type="epsilon"
    )
    return pipeline


def pipeline_pictures(pipeline: Any, prompts: Sequence[str], steps: int = STEPS) -> None:
    """Pictures of some prompts in one call."""
    pipeline(
        list(prompts), num_inference_steps=steps, guidance_scale=GUIDANCE, height=256, width=256,
        generator=torch.Generator().manual_seed(0), output_type="np",
    )  # fmt: skip


def one_by_one(pipeline: Any) -> None:
    """As many calls as there are prompts: what a pipeline does for several people."""
    for prompt in PROMPTS:
        pipeline_pictures(pipeline, [prompt], CROWD_STEPS)


def pipeline_latents(pipeline: Any) -> None:
    """One latent of the large shape; its text is encoded already."""
    width = int(pipeline.unet.config.cross_attention_dim)
    tokens = torch.zeros(1, TOKENS, width)
    pipeline(
        prompt_embeds=tokens, negative_prompt_embeds=tokens, num_inference_steps=LARGE_STEPS,
        guidance_scale=GUIDANCE, height=LARGE_SIZE, width=LARGE_SIZE, output_type="latent",
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
