"""Orders of makings as the arguments of the program that carries them out."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.download import FOLDERS
from webui.contracts.errors import BadRequest
from webui.contracts.making import BLOCKS, MakingOrder
from webui.services.catalog import Catalog
from webui.weights.read import read_weights
from webui.weights.room import AVERAGED, made_bytes

_FILE = ".safetensors"


def place_of(name: str, first: Path, layout: str | None) -> str:
    """Where a model goes that is made of `first`, below the models' folder, '/' separated."""
    as_folder = first.is_dir() if layout is None else layout == "folder"
    return f"{FOLDERS['model']}/{name}{'' if as_folder else _FILE}"


def check_recipe(order: MakingOrder) -> None:
    """See that the parts of an order go together.

    Raises:
        BadRequest: they do not; says which.
    """
    count, wanted = len(order.models), 3 if order.method == "difference" else 2
    if count not in (1, wanted):
        raise BadRequest(f"{count} models were given; {order.method!r} is made of {wanted}.")
    if len(set(order.models)) < count:
        raise BadRequest("A model was given twice; a merge is made of different ones.")
    if len(order.blocks) not in (0, BLOCKS):
        raise BadRequest(
            f"blocks has {len(order.blocks)} numbers; {BLOCKS} were expected: BASE, IN00 to IN11, M00, OUT00 to OUT11."
        )
    if order.layout is not None and order.kind != "convert":
        raise BadRequest(
            "A layout was given with several models or LoRAs; it is changed of one model as it is, before or after."
        )
    if order.layout == "folder" and order.precision == "fp8":
        raise BadRequest("The precision is fp8; folders are written in fp32, fp16 or bf16.")


def paths_of(order: MakingOrder, catalog: Catalog) -> tuple[Path, ...]:
    """Where its models lie, A first.

    Raises:
        UnknownModel: one is not installed.
        BadRequest: one is the program's own, with no file.
    """
    paths = tuple(Path(catalog.get(model).path).absolute() for model in order.models)
    for model, path in zip(order.models, paths, strict=True):
        if not path.exists():
            raise BadRequest(f"The model {model!r} has no file of which another could be made.")
    return paths


def expected_bytes(order: MakingOrder, catalog: Catalog) -> int:
    """About how many bytes of weights will be written, from the headers of the first model's files.

    Raises:
        UnknownModel, BadRequest: as `paths_of`.
        NotAModel, BrokenModel: a file cannot be read.
    """
    first = paths_of(order, catalog)[0]
    files = [first]
    if first.is_dir():
        shared = {Path(part) for _, part in catalog.get(order.models[0]).parts}
        folders = (first, *(part for part in shared if not part.is_relative_to(first)))
        files = [file for folder in folders for file in folder.rglob(f"*{_FILE}")]
    without = (AVERAGED,) if order.prune else ()
    return sum(made_bytes(read_weights(file), order.precision, without) for file in files)


def arguments(order: MakingOrder, catalog: Catalog, target: Path) -> list[str]:
    """What the program is told.

    Raises:
        UnknownModel, UnknownAdapter, BadRequest: something of the order is not installed any more.
    """
    words = [str(target), *map(str, paths_of(order, catalog))]
    words += [f"--method={order.method}", f"--ratio={order.ratio}"]
    if order.blocks:
        words.append(f"--blocks={','.join(map(str, order.blocks))}")
    for lora in order.loras:
        path = Path(catalog.adapter("lora", lora.id).path).absolute()
        words.append(f"--lora={path}:{lora.weight}")
    words += [f"--precision={order.precision}"] if order.precision else []
    words += [f"--layout={order.layout}"] if order.layout else []
    words += ["--prune"] if order.prune else []
    return words
