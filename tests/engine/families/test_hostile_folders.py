"""A folder's configurations come from strangers: whatever they say, nothing is fetched and none of their code is run."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.tiny import write_tiny
from webui.contracts.errors import BrokenModel, NotAModel
from webui.engine.families.registry import load_model
from webui.services.diffusers_folder import describe_folder

CODE = "from pathlib import Path\nPath({!r}).touch()\n"
SAID: dict[str, dict[str, Any]] = {
    "a kernel of a hub": {"_attn_implementation": "evil/kernel", "attn_implementation": "evil/kernel"},
    "a kernel by its inner name": {"_attn_implementation_internal": "evil/kernel"},
    "code beside it": {
        "auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}, "trust_remote_code": True,
    },
    "another class": {"_class_name": "evil", "architectures": ["evil.Model"]},
    "a quantizer": {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
    "a quantizer of nobody": {"quantization_config": {"quant_method": "evil", "modules": "evil"}},
    "a place elsewhere": {"_name_or_path": "evil/model", "_commit_hash": "0" * 40},
    "a type that is code": {"torch_dtype": "__import__('os')", "dtype": "__import__('os')"},
}  # fmt: skip


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Addresses that were to be reached."""
    reached: list[object] = []

    def refuse(_: object, address: object, *__: object) -> None:
        reached.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *said, **_: refuse(None, said))
    return reached


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
@pytest.mark.parametrize("said", SAID)
def test_a_configuration_fetches_nothing_and_runs_nothing(
    tmp_path: Path, offline: list[object], part: str, said: str
) -> None:
    checkpoint = write_tiny(tmp_path / "model")
    folder, marker = Path(checkpoint.path), tmp_path / "it-ran"
    names = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
    file = folder / part / names.get(part, "config.json")
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(config | SAID[said]), "utf-8")
    for place in (folder, folder / part):
        (place / "evil.py").write_text(CODE.format(str(marker)), "utf-8")
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    index["_custom_pipeline"] = index["custom_pipeline"] = "evil"
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    with contextlib.suppress(BrokenModel, NotAModel):
        model = load_model(describe_folder(folder, checkpoint.id), torch.device("cpu"))
        text: Any = model.text_encoder
        assert text.config._attn_implementation == "sdpa"
        assert "quantizer" not in said or part in names
    assert not marker.exists()
    assert offline == []


def test_weights_for_a_quantizer_are_a_sentence(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "model")
    file = Path(checkpoint.path) / "unet" / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(config | SAID["a quantizer"]), "utf-8")
    with pytest.raises(BrokenModel, match=r"its 'unet' has weights for a quantizer .*bitsandbytes"):
        load_model(checkpoint, torch.device("cpu"))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_pickled_weights_that_would_run_code_do_not(tmp_path: Path, part: str) -> None:
    checkpoint = write_tiny(tmp_path / "model")
    (safe,) = (Path(checkpoint.path) / part).glob("*.safetensors")
    safe.unlink()
    marker = tmp_path / "it-ran"

    class Runs:
        def __reduce__(self) -> Any:
            return exec, (CODE.format(str(marker)),)

    name = "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin"
    torch.save({"weight": torch.zeros(2), "evil": Runs()}, safe.with_name(name))
    with pytest.raises(BrokenModel, match="pickled weights"):
        describe_folder(Path(checkpoint.path), checkpoint.id)
    with pytest.raises(BrokenModel):  # a file that was put there after it was looked at
        load_model(checkpoint, torch.device("cpu"))
    assert not marker.exists()
