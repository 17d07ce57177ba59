"""The flags of `python launch.py`, whose defaults come from the environment, and the settings that they make."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from webui.contracts.settings import Settings
from webui.workers.devices import BadDevices, devices_named

REPOSITORY = Path(__file__).resolve().parents[1]

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def to_settings(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Settings:
    """Check the parsed flags as a whole; ends the program with a sentence when they are impossible."""
    user, password = _split_auth(options.auth, parser)
    if not 0 <= options.port <= 65535:
        parser.error(f"--port is {options.port}, expected a number from 0 to 65535")
    data_dir = Path(options.data_dir).expanduser().resolve()
    if data_dir.exists() and not data_dir.is_dir():
        parser.error(f"--data-dir is {str(data_dir)!r}, which is a file; expected a folder")
    try:
        devices = devices_named(options.devices, options.cpu)
    except BadDevices as error:
        parser.error(str(error))
    return Settings(
        data_dir=data_dir,
        host=options.listen,
        port=options.port,
        share=options.share,
        user=user,
        password=password,
        cpu=options.cpu,
        devices=devices,
        compile=options.compile,
        cuda_graphs=options.cuda_graphs,
        bfloat16=options.bfloat16,
        fake=options.fake,
        open_browser=not options.no_browser and options.has_display,
        allowed_hosts=tuple(
            name for given in options.allow_host for name in given.split(",") if name
        ),
        models_dirs=tuple(
            Path(name).expanduser().resolve()
            for given in options.models_dir
            for name in given.split(os.pathsep)
            if name
        ),
        private_downloads=options.allow_private_downloads,
        develop=options.develop,
        hugging_face=options.hugging_face,
        tokens=options.tokens,
        repository=REPOSITORY,
    )


def with_login(settings: Settings) -> tuple[Settings, bool]:
    """The settings with a generated login where one is required and none was given, and whether so."""
    if settings.user is not None or not (settings.share or settings.is_reachable):
        return settings, False
    return replace(settings, user="easel", password=secrets.token_urlsafe(12)), True


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser that is opened here would be seen by somebody."""
    if platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def add_network_flags(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Who can reach the studio."""
    group = parser.add_argument_group("who can reach it")
    group.add_argument(
        "--listen",
        nargs="?",
        metavar="ADDRESS",
        const="0.0.0.0",  # noqa: S104  asked for by name, and a login is then required
        default=_listen_address(environment.get("EASEL_LISTEN", "")),
        help="serve other computers too, on all addresses or on ADDRESS; requires a login",
    )
    group.add_argument(
        "--port",
        type=int,
        default=environment.get("EASEL_PORT", "7860"),
        help="first port to try (7860); the next free one is taken when it is busy",
    )
    group.add_argument(
        "--share",
        action="store_true",
        default=_is_on("EASEL_SHARE", environment),
        help="a public https link through Gradio's tunnel; requires a login",
    )
    group.add_argument(
        "--auth",
        metavar="USER:PASSWORD",
        default=environment.get("EASEL_AUTH"),
        help="the login; generated and printed when one is required and none is given",
    )
    group.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[environment.get("EASEL_ALLOW_HOST", "")],
        help="a further host name to answer to, such as that of a reverse proxy; may be repeated",
    )


def add_machine_flags(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Folders, devices and switches."""
    group = parser.add_argument_group("what it runs on")
    group.add_argument(
        "--data-dir",
        metavar="FOLDER",
        default=environment.get("EASEL_DATA_DIR") or str(REPOSITORY),
        help="where models, outputs and the queue live (the program's own folder)",
    )
    group.add_argument(
        "--models-dir",
        metavar="FOLDER",
        action="append",
        default=[environment.get("EASEL_MODELS_DIR", "")],
        help="a further folder of models, used in place: also those of AUTOMATIC1111, Forge, ComfyUI, "
        "Fooocus; may be repeated",
    )
    group.add_argument(
        "--devices",
        metavar="LIST",
        default=environment.get("EASEL_DEVICES", ""),
        help="the GPUs to share jobs out among, by number, as 0,1 (the first that is found)",
    )
    switches = {
        "--cpu": "never use a GPU",
        "--compile": "compile models on a GPU: minutes at first use of a size, then faster steps",
        "--cuda-graphs": "record models on a GPU, per size: faster steps of small models",
        "--bfloat16": "compute in bfloat16 on a processor that multiplies in it: faster, a little coarser",
        "--fake": "draw coloured gradients without a model, for work on the interface",
        "--allow-private-downloads": "models may be fetched from addresses inside this network",
        "--develop": "load an extension anew when one of its files is saved",
        "--no-browser": "do not open the page in a browser, as is done where there is a display",
        "--no-venv": "use the active Python environment instead of .venv",
    }
    for flag, text in switches.items():
        variable = "EASEL_" + flag.lstrip("-").replace("-", "_").upper()
        group.add_argument(
            flag, action="store_true", default=_is_on(variable, environment), help=text
        )


def _listen_address(value: str) -> str:
    """EASEL_LISTEN may be a switch, like the bare flag, or an address."""
    if value.strip().lower() in _FALSE:
        return "127.0.0.1"
    return "0.0.0.0" if value.strip().lower() in _TRUE else value.strip()  # noqa: S104  asked for


def _is_on(variable: str, environment: Mapping[str, str]) -> bool:
    value = environment.get(variable, "").strip().lower()
    if value not in _TRUE + _FALSE:
        sys.exit(f"{variable} is {value!r}, expected one of: 1, 0, true, false, yes, no, on, off.")
    return value in _TRUE


def _split_auth(auth: str | None, parser: argparse.ArgumentParser) -> tuple[str | None, str | None]:
    if not auth:
        return None, None
    user, colon, password = auth.partition(":")
    if not (user and colon and password):
        parser.error(
            "--auth is not of the form user:password; both must have at least one character"
        )
    return user, password
