"""What extensions may rely on of the objects that hooks hand out: the rest may change with any version."""

from __future__ import annotations

from collections.abc import Mapping

STABLE: Mapping[str, tuple[str, ...]] = {
    "webui.contracts.access:StudioAccess": (
        "extension", "folder", "submit", "job", "pictures", "picture_file", "request_of",
    ),
    "webui.contracts.access:Prompts": (
        "prompt", "negative_prompt", "hires_prompt", "hires_negative_prompt",
    ),
    "webui.contracts.checkpoint:CheckpointInfo": ("id", "family", "path", "dtype", "part"),
    "webui.contracts.palettes:Palette": ("classes", "colours", "words"),
    "webui.contracts.preprocessor:Preprocessor": (
        "name", "help", "reads", "run", "settings", "keeps_numbers",
    ),
    "webui.contracts.preprocessor:Setting": ("name", "title", "low", "high", "usual", "step"),
    "webui.contracts.access:Pasted": ("arguments", "keys"),
    "webui.contracts.plot:AxisPoint": ("label", "request"),
    "webui.contracts.plot:PlotAxis": ("name", "title", "kind", "points", "choices"),
    "webui.contracts.choices:SamplerInfo": (
        "name", "aliases", "automatic_schedule", "stochastic", "evaluations_per_step", "wants_unguided",
    ),
    "webui.contracts.drafts:PictureDraft": ("id", "job_id", "index", "request", "created"),
    "webui.contracts.drafts:TextChunk": ("keyword", "text"),
    "webui.contracts.job:Job": ("id", "request", "state", "step", "steps", "error", "created", "pictures"),
    "webui.contracts.job:Picture": (
        "id", "job_id", "index", "seed", "width", "height", "file", "created",
    ),
    "webui.engine.conditioning_view:ConditioningView": (
        "texts", "weights", "planes", "label", "sizes", "controls",
        "with_tokens", "with_weights", "with_planes", "with_label", "with_control",
    ),
    "webui.engine.conditioning_view:ControlView": ("hint", "weight", "highest", "lowest"),
    "webui.engine.conditioning_view:TextView": ("level", "tokens", "pooled"),
    "webui.engine.extending:Moment": ("sigma", "step", "steps", "at_scale"),
    "webui.engine.guidance_method:Guesses": (
        "prompt", "negative", "x", "scale", "moment", "memory",
    ),
    "webui.engine.model:LoadedModel": ("checkpoint", "device", "latent_shape"),
    "webui.engine.programs.order:PictureOrder": ("request", "index", "seed", "size"),
    "webui.engine.work:DecodeLatent": ("model", "latent", "width", "height"),
    "webui.engine.work:EncodeImage": ("model", "pixels"),
    "webui.engine.work:EncodeText": ("model", "text"),
    "webui.engine.work:Predict": ("model", "x", "t", "tokens", "label", "patchings"),
    "webui.engine.work:StepTaken": ("step", "denoised"),
    "webui.engine.shared_networks:Place": ("device", "network"),
    "webui.weights.header:WeightsHeader": ("tensors", "shapes", "shape", "metadata", "format"),
    "webui.weights.signatures.facts:Facts": (
        "task", "prediction", "latent_channels", "latent_factor", "native_size", "defaults",
        "reads_text", "text_width", "classes",
    ),
    "webui.weights.signatures.facts:No": ("reason",),
    "webui.weights.signatures.facts:WeightsFile": ("path", "header", "said", "index"),
}  # fmt: skip
"""Fields and methods by 'module:class'. Fields of a `GenerationRequest` are stable by their names in the API."""

HELPERS: Mapping[str, str] = {
    "webui.engine.programs.redraw:redraw": "`redraw` of `webui.engine.programs.redraw`: draws a picture or a part "
    "again, for wrapped programs.",
    "webui.engine.families.assembling:model_of": "`model_of` of `webui.engine.families.assembling`: puts networks "
    "together to a model; `load_part`, `read_config`, `read_first_stage` and `noise_levels` of "
    "`webui.engine.families.parts` read them from a diffusers folder.",
    "webui.engine.precision:compute_dtype": "`compute_dtype` of `webui.engine.precision`: in which precision a network runs.",
    "webui.engine.samplers.common:steps": "`steps` and `is_leap` of `webui.engine.samplers.common`: what "
    "samplers walk by.",
}
"""Functions that extensions may call, by 'module:name', and a line on each."""
