"""Writes `extensions/README.md` from the extension points: `python -m webui.hooks.docs`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from webui.contracts.extension import API_VERSION, PERMISSIONS
from webui.hooks import specs
from webui.hooks.counterparts import table
from webui.hooks.examples import EXAMPLES, FOLDER, users
from webui.hooks.manifest import read_manifest
from webui.hooks.points import facts_of, text_of
from webui.hooks.stable import HELPERS, STABLE

README = FOLDER / "README.md"

_HEAD = """\
# Extensions

Extensions live here or in `extensions/` of the data folder, one folder each; or they are installed packages
with an entry point `easel.extensions`. Use one only if you trust its author, for its code runs with your rights.

    python launch.py extensions list
    python launch.py extensions install SOURCE   a git address, a folder, an archive or a package: shown, then put in place
    python launch.py extensions update NAME      fetched again: shown with what changes, then put in place
    python launch.py extensions back NAME        what was there before the last update or removal
    python launch.py extensions remove NAME      into the bin, from which `back` takes it
    python launch.py extensions enable NAME      at once in a studio that runs
    python launch.py extensions disable NAME
    python launch.py extensions new NAME         write one that works, to be changed
    python launch.py extensions check NAME       see whether one fits this Easel; PATH of one that is not installed
    python launch.py --develop                   a studio that loads one anew whenever a file of it is saved

`@` and a branch, tag or commit behind a git address name an edition: `https://host/owner/name@v1.2`. The commit that was shown is
the one that is installed, and nothing is updated by itself. The extensions tab does the same, as long as nobody else can reach
the studio: with `--listen`, `--share` or `--allow-host` only the command line installs.

A disabled extension is not imported. An enabled one changes only pictures whose request names it, under
`extensions.<name>`; `GET /api/v1/extensions` says what stands there, and what went wrong. A picture keeps the extensions
that its job began with: one that is loaded anew, disabled or removed meanwhile counts from the next job on.

## Write one

    python launch.py extensions new warm          writes extensions/warm, which works
    python launch.py extensions check warm
    python launch.py extensions enable warm
    python launch.py --develop                    the studio, which loads it anew whenever you save

Then *Warm* is among the extensions of each form: switch it on there, or send `"extensions": {{"warm": {{"warmth": 1}}}}` with an order
to `POST /api/v1/jobs`. Change `worker.py`, save, and draw again. What fails is in the Extensions tab, with its traceback.

Where to look next: find what you want to do among the [extension points](#extension-points), each of which names a file that uses it,
and read that extension. The examples, the simplest first:

{examples}
## The folder of an extension

`extension.toml` (name, version and easel are required; name is that of the folder):

    name = "book"
    version = "1.0.0"
    easel = ">=1.0,<2"              # versions of the extension points; these are {version}
    title = "Book"
    summary = "What it does, in a line."
    arguments = "arguments:Book"    # a pydantic model: module and class
    needs = ["some-package>=1"]     # into a folder of its own; never in another version than Easel has
    conflicts = ["rival"]
    tabs = ["txt2img", "img2img"]   # forms that have its arguments; without it all have
    permissions = [{permissions}]

Each field of the arguments has a default and is a `bool`, `int`, `float`, `str`, `Literal` of texts or `Enum` of texts. Switch,
slider (with `ge` and `le`), text or menu are made of it in the forms, with its `title` and `description`, and so are its place under
`extensions.<name>` in orders and metadata, and an axis of X/Y/Z plots. Settings (the point `settings`) are such a model, too.

`studio.py` and `worker.py` hold functions marked with `hookimpl` of `webui.hooks.specs`, each in the process that
calls it; the studio never imports torch. Modules import their neighbours relatively: `from .arguments import Book`.
While they are imported, pip and other installers are refused, and the extension that calls one is not used: `needs` is the way.

An extension may be a package, too: a package of Python in whose folder `extension.toml` lies beside the modules (and `static/`, all of it
package data), and whose `pyproject.toml` names it under `[project.entry-points."easel.extensions"]`: `warm = "easel_warm"`.

`static/` holds what the page may load, at `/extensions/<name>/`. Its ES modules are handed `easel`, the page
as an extension may use it (`webui/ui/assets/extension.js`); they need no other part of the page.

`extensions check` loads an extension in both processes, calls each of its hooks once, compares pictures with those of a
worker without it, and runs its own tests (`test_*.py`, with pytest); the exit status is 1 when a check fails. A test
imports the modules with `load_module(read_manifest(FOLDER), "worker")`, as `extensions new` shows.

An extension that raises an error is named, with what it did: where something must be decided or changed, the job
fails; elsewhere it goes on without that extension's part, and the file of a picture that was drawn meanwhile says so. One that
takes longer than half a second is named, too.

Weights, adapters and encodings in memory are those of all jobs. Where the code of an extension writes to one in place, that is
refused and its job fails: change a copy, or what is predicted. What it leaves on a model (hooks, another `forward` or layer) fails every
job that holds the model, which is then loaded anew.

Hooks are plain functions: one that is written with `async def` is refused. One that does not come back costs its own job, and
the extension is switched off with the reason. In the worker that is after two minutes; the worker is started anew, and the other
jobs go on there. In the studio it is after two minutes where only the order waits, and after ten seconds where the dispatcher
waits (`change_metadata`, `picture_metadata`, `picture_file_name`). A thread of the studio cannot be stopped: an exception is raised
in it, and code that goes on all the same does so until Easel is started anew; until then it is not enabled again with the same files. An observer holds nobody
up, so it is only named as late; `extensions check` wants it back.

## Extension points
"""
_STABLE = """\
## What you may rely on

Of the objects that hooks hand out, these names stay as they are while the first number of the extension points does;
all else may change with any version. Fields of a request are those of the API.
"""
_COUNTERPARTS = """\
## Coming from AUTOMATIC1111

What each method and callback is here; where it is no matter of a hook, that is said.
"""


def readme() -> str:
    """The whole text."""
    permissions = ", ".join(f'"{name}"' for name in PERMISSIONS)
    head = _HEAD.format(version=API_VERSION, permissions=permissions, examples=_examples())
    used = users()
    parts = [head, _kinds(), *(_section(name, used.get(name, ())) for name in specs.POINTS)]
    parts += [_STABLE, _stable(), _COUNTERPARTS, table() + "\n"]
    return "\n".join(parts)


def _examples() -> str:
    """A line for each."""
    lines = (
        f"- [{read_manifest(FOLDER / name).title}]({name}/README.md): {shows}"
        for name, shows in EXAMPLES.items()
    )
    return "\n".join(lines) + "\n"


def _kinds() -> str:
    """The paragraph of the list's own docstring that explains the kinds."""
    text = inspect.cleandoc(specs.__doc__ or "")
    return text[text.index("Five kinds:") :].replace("kinds:\n", "kinds:\n\n", 1) + "\n"


def _stable() -> str:
    """A line for each class."""
    lines = []
    for place, names in STABLE.items():
        module, kind = place.split(":")
        named = ", ".join(f"`{name}`" for name in names)
        lines.append(f"- `{kind}` of `{module}`: {named}")
    return "\n".join([*lines, *(f"- {said}" for said in HELPERS.values())]) + "\n"


def _section(name: str, places: Sequence[str]) -> str:
    point, function = specs.POINTS[name], getattr(specs, name)
    arguments = ", ".join(inspect.signature(function).parameters)
    facts = "\n".join(f"- {fact}: {said}" for fact, said in facts_of(function).items())
    said = f"{point.kind}, {point.process}.py. {text_of(function)}"
    used = ", ".join(f"[`{place}`](../{place})" for place in places)
    return f"### `{name}({arguments})`\n\n{said}\n\n{facts}\n- In use: {used or 'nowhere'}.\n"


if __name__ == "__main__":
    README.write_text(readme(), "utf-8")
