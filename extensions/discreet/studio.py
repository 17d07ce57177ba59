"""Changes what is told of a picture; the studio's own record of the order stays whole."""

from dataclasses import replace

from webui.contracts.drafts import PictureDraft
from webui.contracts.infotext import NO_HASHES
from webui.contracts.request import GenerationRequest
from webui.hooks.specs import hookimpl

from .arguments import Discreet

WORDS = (
    "prompt", "negative_prompt", "hires_prompt", "hires_negative_prompt", "texts", "template", "negative_template",
    "styles", "loras", "regions", "boxes",
)  # fmt: skip
MODEL = ("model", "vae", "refiner", "hires_model")
SEED = ("seed", "variation_seed")


@hookimpl
def change_metadata(draft: PictureDraft, arguments: Discreet) -> PictureDraft:
    """Fields that are left out are told as if nothing had been said in them; other extensions' arguments may have words."""
    words, model, seed = arguments.words, arguments.model, arguments.seed
    hidden = {*(WORDS if words else ()), *(MODEL if model else ())}
    usual = GenerationRequest(prompt="")
    update = {name: getattr(usual, name) for name in hidden}
    if words:
        update["extensions"] = {}
    if seed:
        update |= dict.fromkeys(SEED, 0)
    keys = {**draft.keys, "Credit": arguments.credit} if arguments.credit else draft.keys
    hashes = NO_HASHES if words or model else draft.hashes
    return replace(draft, request=draft.request.model_copy(update=update), hashes=hashes, keys=keys)
