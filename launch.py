"""Easel's one command: makes the environment, installs what is needed, starts the program.

Only the standard library is used here, and the syntax stays readable to old interpreters, so that
a wrong Python version gets a sentence instead of a traceback. Once the environment is ready,
`webui/cli.py` is run in it; all flags are explained there: `python launch.py --help`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 10), (3, 13)
STAMP = "easel-requirements.sha256"
TRUE_WORDS = ("1", "true", "yes", "on")


class LaunchError(Exception):
    """A start that cannot go on; the message says why and what to do."""


def main(arguments):
    # type: (list[str]) -> int
    """Prepare the environment that `arguments` ask for and hand over to the program."""
    try:
        check_python(sys.version_info[:2], sys.implementation.name)
        if wants_help(arguments):
            return hand_over(Path(sys.executable), arguments)
        requirements = [REPOSITORY / "requirements.txt"]
        with_tools = arguments[:1] in (["test"], ["bench"])
        if with_tools:
            requirements.append(REPOSITORY / "requirements-dev.txt")
        python = choose_python(arguments, dict(os.environ))
        install(python, requirements, REPOSITORY / "requirements-alone.txt")
        if with_tools:
            provide_browser()
        return hand_over(python, arguments)
    except LaunchError as error:
        say(str(error))
        return 1


def check_python(version, implementation):
    # type: (tuple[int, ...], str) -> None
    """Raise a LaunchError unless this interpreter is one that the pinned wheels exist for."""
    if implementation != "cpython" or not OLDEST <= tuple(version) <= NEWEST:
        raise LaunchError(
            "Easel runs on CPython 3.10 to 3.13, and this is {} {}.{}. Start it with another one, "
            "for example: python3.12 launch.py".format(implementation, version[0], version[1])
        )


def wants_help(arguments):
    # type: (list[str]) -> bool
    """Whether only the overview is asked for: it needs no environment."""
    return arguments in (["--help"], ["-h"], ["serve", "--help"], ["serve", "-h"])


def choose_python(arguments, environment):
    # type: (list[str], dict[str, str]) -> Path
    """The interpreter to run in: the active one with --no-venv, else that of `.venv`."""
    if "--no-venv" in arguments or is_true(environment.get("EASEL_NO_VENV", "")):
        return Path(sys.executable)
    return make_environment(REPOSITORY / ".venv")


def is_true(word):
    # type: (str) -> bool
    """Whether the value of an environment variable switches something on."""
    return word.strip().lower() in TRUE_WORDS


def make_environment(folder):
    # type: (Path) -> Path
    """The Python of the virtual environment in `folder`, which is made when missing or broken."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and pip_folder_exists(folder):
        return python
    say("Making a virtual environment in {}".format(folder))
    try:
        venv.EnvBuilder(with_pip=True, clear=folder.exists(), symlinks=os.name != "nt").create(
            folder
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise LaunchError(
            "The virtual environment {} could not be made ({}). On Debian and Ubuntu the package "
            "python3-venv is needed: apt install python3-venv. Or use an environment of your own: "
            "python launch.py --no-venv".format(folder, error)
        ) from error
    return python


def install(python, requirements, alone=None):
    # type: (Path, list[Path], Path | None) -> None
    """Install the requirement files unless they are the ones that were installed last.

    A stamp beside the packages remembers the last successful install, so a second start does no
    work. The stamp of a run for tests covers the plain one as well. The packages in the file
    `alone` are installed without what they ask for.
    """
    stamp = environment_folder(python) / STAMP
    done = stamp.read_text("ascii").split() if stamp.exists() else []
    files = requirements + ([] if alone is None else [alone])
    hashes = [hash_of(path) for path in files]
    if set(hashes) <= set(done):
        return
    names = " and ".join(path.name for path in files)
    say("Installing {} (the first time takes some minutes; a second start skips it)".format(names))
    pip_install(python, requirements, [])
    if alone is not None:
        pip_install(python, [alone], ["--no-deps"])
    stamp.write_text("\n".join(hashes) + "\n", "ascii")


def pip_install(python, requirements, options):
    # type: (Path, list[Path], list[str]) -> None
    """Have pip install requirement files, from wheels."""
    command = [str(python), "-m", "pip", "install", "--only-binary=:all:"] + options
    for path in requirements:
        command += ["-r", str(path)]
    if subprocess.run(command, cwd=str(REPOSITORY)).returncode != 0:
        raise LaunchError(
            "pip could not install {}; its own message is above. Nothing else was changed; the next "
            "start tries again. Check the network, or pip's configuration (pip config list).".format(
                " and ".join(path.name for path in requirements)
            )
        )


def environment_folder(python):
    # type: (Path) -> Path
    """Root of the environment that `python` belongs to."""
    return Path(sys.prefix) if python == Path(sys.executable) else python.parent.parent


def hash_of(requirements):
    # type: (Path) -> str
    """What changes when a requirement file's content does."""
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def find_browser():
    # type: () -> str | None
    """Path of a Chromium that Playwright can drive, if one is installed."""
    named = os.environ.get("EASEL_CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


def provide_browser():
    # type: () -> None
    """Install Debian's chromium for the browser tests where that is possible; say so where not."""
    if find_browser():
        return
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        say(
            "No Chromium was found, and it can be installed here only by root with apt-get; the browser "
            "tests will be skipped. Install chromium, or name one in EASEL_CHROMIUM, to run them."
        )
        return
    say("Installing chromium for the browser tests")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        if subprocess.run(
            ["apt-get"] + command, env=environment, stdout=subprocess.DEVNULL
        ).returncode:
            break
    if not find_browser():
        say("apt-get could not install chromium; the browser tests will be skipped.")


def hand_over(python, arguments):
    # type: (Path, list[str]) -> int
    """Become the program; on Windows, where that is impossible, wait for it."""
    command = [str(python), "-m", "webui.cli"] + arguments
    environment = dict(os.environ, PYTHONPATH=python_path(os.environ.get("PYTHONPATH", "")))
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(str(python), command, environment)
    try:
        return subprocess.run(command, env=environment).returncode
    except KeyboardInterrupt:  # the program has had it too, and has ended in good order
        return 130


def python_path(given):
    # type: (str) -> str
    """Search path that finds the program wherever it was started from."""
    return os.pathsep.join([str(REPOSITORY)] + ([given] if given else []))


def say(text):
    # type: (str) -> None
    """Tell the person at the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def pip_folder_exists(folder):
    # type: (Path) -> bool
    """Whether the making of this environment came to its end; pip is put in last."""
    return (
        any(folder.glob("lib/python*/site-packages/pip"))
        or (folder / "Lib/site-packages/pip").exists()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
