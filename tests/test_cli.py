"""Flags and environment variables become settings, and mistakes become sentences."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from webui.cli import MADE, TRAINERS, build_parser, main, run_program
from webui.contracts.settings import Settings
from webui.flags import has_display, to_settings, with_login


def parse(*flags: str, **environment: str) -> Settings:
    parser = build_parser(environment)
    return to_settings(parser.parse_args(flags), parser)


def test_without_flags_only_this_computer_is_served() -> None:
    settings = parse()
    assert (settings.host, settings.port, settings.user) == ("127.0.0.1", 7860, None)
    assert not settings.is_reachable


def test_every_flag_is_also_a_variable(tmp_path: Path) -> None:
    by_flag = parse(
        "--listen", "--port", "8000", "--share", "--auth", "ann:a:b", "--data-dir", str(tmp_path),
        "--cpu", "--fake", "--no-browser", "--compile", "--cuda-graphs", "--allow-host", "a.example", "--allow-host", "b.example",
    )  # fmt: skip
    by_variable = parse(
        EASEL_LISTEN="1", EASEL_PORT="8000", EASEL_SHARE="yes", EASEL_AUTH="ann:a:b",
        EASEL_DATA_DIR=str(tmp_path), EASEL_CPU="true", EASEL_FAKE="on", EASEL_NO_BROWSER="1",
        EASEL_COMPILE="1", EASEL_CUDA_GRAPHS="1",
        EASEL_ALLOW_HOST="a.example,b.example",
    )  # fmt: skip
    assert by_flag == by_variable
    assert by_flag.password == "a:b"
    assert by_flag.compile
    assert by_flag.cuda_graphs


def test_tokens_and_mirrors_come_from_the_environment() -> None:
    plain = parse()
    assert (dict(plain.tokens), plain.private_downloads) == ({}, False)
    given = parse(HF_TOKEN="a", CIVITAI_TOKEN="b", HF_ENDPOINT="https://hub.example/")
    assert given.hugging_face == "https://hub.example"
    assert given.tokens == {"https://hub.example": "a", "https://civitai.com": "b"}
    assert "'a'" not in repr(given)
    assert parse(EASEL_ALLOW_PRIVATE_DOWNLOADS="1").private_downloads


def test_a_flag_wins_over_its_variable() -> None:
    assert parse("--port", "8001", EASEL_PORT="8000").port == 8001


def test_listen_takes_an_address_too() -> None:
    assert parse("--listen", "192.168.1.5").host == "192.168.1.5"
    assert parse(EASEL_LISTEN="192.168.1.5").host == "192.168.1.5"
    assert parse(EASEL_LISTEN="0").host == "127.0.0.1"


@pytest.mark.parametrize("auth", ["ann", "ann:", ":secret"])
def test_half_a_login_is_refused(auth: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--auth", auth)
    assert "user:password" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_an_impossible_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(EASEL_PORT=port)
    assert port in capsys.readouterr().err


def test_a_switch_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"EASEL_CPU is 'maybe'"):
        parse(EASEL_CPU="maybe")


def test_a_file_is_no_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SystemExit):
        parse("--data-dir", str(file))
    assert "expected a folder" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--listen",), ("--share",), ("--listen", "192.168.1.5")])
def test_a_login_is_made_up_where_one_is_required(flags: tuple[str, ...]) -> None:
    settings, generated = with_login(parse(*flags))
    assert generated
    assert settings.user == "easel"
    assert len(settings.password or "") >= 16
    assert with_login(parse(*flags))[0].password != settings.password


@pytest.mark.parametrize("flags", [(), ("--listen", "--auth", "ann:secret")])
def test_no_login_is_made_up_where_none_is_missing(flags: tuple[str, ...]) -> None:
    settings = parse(*flags)
    assert with_login(settings) == (settings, False)


def test_models_says_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--data-dir", str(tmp_path)]) == 0
    assert "starter/text" in capsys.readouterr().out
    assert main(["models", "--help"]) == 0
    assert "merge" in capsys.readouterr().out
    assert main(["models", "dance", "--data-dir", str(tmp_path)]) == 2
    assert "'dance'" in capsys.readouterr().err


def test_further_folders_of_models_are_looked_through_before_the_box(tmp_path: Path) -> None:
    settings = parse("--models-dir", str(tmp_path / "a"), "--models-dir", str(tmp_path / "b"))
    own, *others, _boxed = (*settings.model_folders, None)
    assert others == [tmp_path / "a", tmp_path / "b"]
    assert own == settings.data_dir / "models"
    joined = f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}"
    assert parse(EASEL_MODELS_DIR=joined).models_dirs == settings.models_dirs


@pytest.mark.parametrize("arguments", [["train"], ["train", "dragon"]])
def test_train_says_what_can_be_trained(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "starter" in capsys.readouterr().err


def test_every_trainer_is_a_module_and_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    said, whole = capsys.readouterr().out, build_parser({}).format_help()
    assert list(MADE) == list(TRAINERS)
    for kind, module in TRAINERS.items():
        assert importlib.util.find_spec(module) is not None
        assert f"  {kind} " in said
        assert MADE[kind] in said
        assert MADE[kind] in whole


def test_a_program_that_refuses_says_so_in_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refusing.py").write_text(
        "from webui.contracts.errors import BadRequest\nraise BadRequest('There is no such thing.')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    assert run_program("refusing", "refuse", []) == 1
    assert capsys.readouterr().err == "There is no such thing.\n"


@pytest.mark.parametrize(
    ("environment", "platform", "seen"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "a b"}, "darwin", False),
    ],
)
def test_the_browser_opens_only_where_somebody_sees_it(
    environment: dict[str, str], platform: str, seen: bool
) -> None:
    assert has_display(environment, platform) is seen


def test_devices_are_numbers_and_ids_of_gpus_or_the_processor() -> None:
    assert parse().devices == ()
    assert parse("--devices", "0, 2").devices == ("0", "2")
    assert parse(EASEL_DEVICES="1").devices == ("1",)
    assert parse("--devices", "GPU-8f6c,MIG-12/3/0,cpu").devices == (
        "GPU-8f6c",
        "MIG-12/3/0",
        "cpu",
    )
    assert parse("--devices", "cpu,cpu", "--cpu").devices == ("cpu", "cpu")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--devices", "0,cuda:1"), "'cuda:1'; expected numbers of GPUs as nvidia-smi shows them"),
        (("--devices", "0,1,0"), "'0' twice"),
        (("--devices", "cpu,1", "--cpu"), "--cpu forbids GPUs, and --devices names '1'"),
    ],
)
def test_devices_that_cannot_be_are_refused(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(*flags)
    assert sentence in " ".join(capsys.readouterr().err.split())
