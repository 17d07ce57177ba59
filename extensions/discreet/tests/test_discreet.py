"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

from webui.contracts.drafts import PictureDraft
from webui.contracts.ids import JobId, PictureId
from webui.contracts.infotext import FileHashes
from webui.contracts.request import GenerationRequest
from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
studio = load_module(MANIFEST, "studio")
Discreet = load_module(MANIFEST, "arguments").Discreet
REQUEST = GenerationRequest(
    prompt="a secret", negative_prompt="secret", template="{a secret|b}", model="secret/model", seed=5, steps=7,
    extensions={"darkroom": {"look": "secret"}},
)  # fmt: skip
DRAFT = PictureDraft(PictureId("p"), JobId("j"), 0, REQUEST, 0.0, FileHashes("secret"))


def test_what_is_left_out_is_nowhere_and_the_rest_stays() -> None:
    told = studio.change_metadata(DRAFT, Discreet(model=True, seed=True, credit="A. Painter"))
    assert "secret" not in f"{told.request.model_dump_json()} {told.hashes}"
    assert (told.request.seed, told.request.steps, told.keys) == (0, 7, {"Credit": "A. Painter"})


def test_what_is_not_to_be_left_out_stays() -> None:
    assert studio.change_metadata(DRAFT, Discreet(words=False)) == DRAFT
    told = studio.change_metadata(DRAFT, Discreet())
    assert (told.request.model, told.request.seed) == ("secret/model", 5)
