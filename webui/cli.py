"""The command line: flags and environment variables become `Settings`, commands become calls.

Importing this needs the standard library only, so `python launch.py --help` answers before anything
is installed. Each command imports what it needs when it runs; those that need torch run as programs
of their own, because the studio process never loads it.
"""

from __future__ import annotations

import argparse
import logging
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence

from webui.collector import importing
from webui.contracts.errors import EaselError
from webui.contracts.settings import Settings
from webui.flags import (
    REPOSITORY,
    add_machine_flags,
    add_network_flags,
    has_display,
    to_settings,
    with_login,
)

COMMANDS: Mapping[str, str] = {
    "serve": "start the studio (the default, when no command is given)",
    "models": "list, show, install, delete, merge or convert models",
    "pictures": "see how much is in the bin of deleted pictures, or empty it",
    "extensions": "list, install, update, enable, make or check extensions",
    "train": "train a model: train <kind> [--data FOLDER], train starter for the whole box",
    "evaluate": "measure a trained model on unseen prompts",
    "bench": "measure this machine and write docs/benchmarks.md",
    "test": "install what tests need and run every check; further arguments go to pytest",
}
"""Name and explanation, in the order of the help."""

PROGRAMS: Mapping[str, str] = {"evaluate": "webui.training.evaluate", "bench": "tests.bench"}
"""Commands that are programs of their own."""

TRAINERS: Mapping[str, str] = {
    "starter": "webui.training.starter",
    "text": "webui.training.text_to_image",
    "turbo": "webui.training.turbo",
    "inpaint": "webui.training.inpaint",
    "semantic": "webui.training.semantic",
    "layout": "webui.training.layout",
    "depth": "webui.training.depth",
    "upscale": "webui.training.upscale",
    "upscale-decoder": "webui.training.upscale_decoder",
    "vq-first-stage": "webui.training.vq_first_stage",
    "controlnet": "webui.training.controlnet",
    "lora": "webui.training.lora",
    "judge": "webui.training.judge",
    "segmenter": "webui.training.segmenter",
    "segformer": "webui.training.segformer",
    "first-stages": "webui.training.tradeoff",
}
"""What `train` can make, and the module that does, in the order of the help."""

MADE: Mapping[str, str] = {
    "starter": "everything in the box, one after the other",
    "text": "pictures from captions; with --data, from your own",
    "turbo": "the text model in four steps instead of twenty",
    "inpaint": "parts of a picture drawn anew",
    "semantic": "pictures from class maps",
    "layout": "pictures from boxes",
    "depth": "pictures from depth maps",
    "upscale": "pictures four times as large",
    "upscale-decoder": "the upscaler's decoder, with what it draws",
    "vq-first-stage": "the first stage that upscaling stands on",
    "controlnet": "steering by --hint edges or classes",
    "lora": "a small file that teaches a model one more thing",
    "judge": "what reads times, things and colours off pictures",
    "segmenter": "what reads class maps off pictures, to measure them",
    "segformer": "a segmentation model, which the studio reads pictures into maps with",
    "first-stages": "first stages of several factors, compared",
}
"""What each of them makes, in words."""

QUIET = ("alembic", "uvicorn", "httpx", "httpx2")
"""Libraries whose ordinary news is of no interest in the terminal."""

HUGGING_FACE, CIVITAI = "https://huggingface.co", "https://civitai.com"

_EPILOG = """\
commands:
{commands}

what train makes (train <kind> --help has its flags):
{kinds}

Every flag can come from the environment instead; a flag on the command line wins:
  EASEL_LISTEN=0.0.0.0 EASEL_PORT=8000 EASEL_AUTH=ann:secret python launch.py

examples:
  python launch.py                           the studio, for this computer only
  python launch.py --listen --auth ann:pw    for the whole local network, behind a login
  python launch.py --data-dir ~/easel        pictures, models and queue live there
  python launch.py --fake --no-browser       the interface without a real model
  python launch.py train text --data photos  the text model, trained on with your own pictures

Pictures go to <data-dir>/outputs, checkpoints are looked for in <data-dir>/models.
HTTP is described at /docs of the running studio.
Downloads from sites that want to know who asks use HF_TOKEN and CIVITAI_TOKEN; HF_ENDPOINT names a
mirror of the Hugging Face hub.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status."""
    # A thread of a computation that has nothing to do spins for a while, then sleeps. Long spins
    # starve the others on a busy machine (a step of 71 ms took 930 ms), no spins slow an idle one
    # (38 ms for 24 ms): a short while is near the best of both. Read by libgomp in the children.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    given = list(sys.argv[1:] if arguments is None else arguments)
    command, rest = (given[0], given[1:]) if given and given[0] in COMMANDS else ("serve", given)
    if command not in {"serve", "models", "pictures", "extensions"}:
        rest = [word for word in rest if word != "--no-venv"]  # launch.py has seen to it
    if command in PROGRAMS:
        return run_program(PROGRAMS[command], command, rest)
    if command == "train":
        return train(rest)
    if command == "test":
        return subprocess.run(
            [sys.executable, str(REPOSITORY / "check"), *rest], check=False
        ).returncode
    parser = build_parser(os.environ)
    own = {"models": models, "pictures": pictures, "extensions": extensions}
    if command in own:
        return own[command](rest, parser)
    return serve(to_settings(parser.parse_args(rest), parser))


def build_parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """The parser of the flags of `serve`, whose defaults come from the environment."""
    parser = argparse.ArgumentParser(
        prog="python launch.py",
        usage="python launch.py [command] [flags]",
        description="Easel, a web studio for latent diffusion.",
        epilog=_EPILOG.format(commands=_table(COMMANDS), kinds=_table(MADE)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_network_flags(parser, environment)
    add_machine_flags(parser, environment)
    hub = environment.get("HF_ENDPOINT", "").rstrip("/") or HUGGING_FACE
    given = {hub: environment.get("HF_TOKEN"), CIVITAI: environment.get("CIVITAI_TOKEN")}
    tokens = {site: token for site, token in given.items() if token}
    parser.set_defaults(hugging_face=hub, tokens=tokens)
    parser.set_defaults(has_display=has_display(environment, sys.platform))
    return parser


def serve(settings: Settings) -> int:
    """Start the studio and stay until it is told to end."""
    with importing():
        from webui import app  # noqa: PLC0415  heavy, and the other commands do not need it

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    settings, generated = with_login(settings)
    if generated:
        _say(
            "This start is reachable from outside, so a login is required. It is, for this start only:\n"
            f"    user {settings.user}   password {settings.password}\n"
            "Choose your own with --auth user:password or EASEL_AUTH."
        )
    return app.serve(settings, announce=_say)


def models(rest: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Run `models` with one of its verbs."""
    from webui.model_commands import VERBS, run_models  # noqa: PLC0415  others do not need it

    if rest and rest[0] in ("--help", "-h"):
        _say(f"python launch.py models [verb] [flags]\n\n{_table(VERBS)}")
        return 0
    if rest and rest[-1] in ("--help", "-h"):
        options, words = parser.parse_known_args(rest[:-1])
        words = [*words, "--help"]
    else:
        options, words = parser.parse_known_args(rest)
    return run_models(words, to_settings(options, parser), _say, run_program)


def pictures(rest: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Run `pictures` with one of its verbs."""
    from webui.picture_commands import run_pictures  # noqa: PLC0415  as above

    wants_help = bool({"--help", "-h"} & set(rest))
    options, words = parser.parse_known_args([w for w in rest if w not in ("--help", "-h")])
    words = ["--help"] if wants_help else words
    return run_pictures(words, to_settings(options, parser).data_dir, _say, input)


def extensions(rest: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Run `extensions` with one of its verbs."""
    from webui.extension_commands import VERBS, run_extensions  # noqa: PLC0415  as above

    if rest and rest[-1] in ("--help", "-h"):
        _say(f"python launch.py extensions [verb] [flags]\n\n{_table(VERBS)}")
        return 0
    options, words = parser.parse_known_args(rest)
    return run_extensions(words, to_settings(options, parser), _say)


def train(rest: Sequence[str]) -> int:
    """Run the trainer that is named first."""
    if rest and rest[0] in ("--help", "-h"):
        _say(f"python launch.py train <kind> [flags]\n\n{_table(MADE)}")
        return 0
    if not rest or rest[0] not in TRAINERS:
        wanted = repr(rest[0]) if rest else "missing"
        sys.stderr.write(
            f"What to train is {wanted}, expected one of: {', '.join(TRAINERS)}. "
            "Try: train starter --help\n"
        )
        return 2
    return run_program(TRAINERS[rest[0]], f"train {rest[0]}", rest[1:])


def run_program(module: str, name: str, rest: Sequence[str]) -> int:
    """Run a module as the program, named without an import so that the studio's layers stay clean.

    What it refuses, it refuses with a sentence, which is all that is shown.
    """
    sys.argv = [f"launch.py {name}", *rest]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except EaselError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _table(rows: Mapping[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join(f"  {name:{width}}  {text}" for name, text in rows.items())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
