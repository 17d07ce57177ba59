"""How one start of the program is set up. Nothing here changes a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Flags and environment, parsed once in `cli.py` and handed in everywhere."""

    data_dir: Path
    """Holds models/, outputs/, extensions/ and the database."""
    host: str = "127.0.0.1"
    port: int = 7860
    """First port to try; the next free one is taken when it is busy."""
    share: bool = False
    user: str | None = None
    """Login name; None means no login, which only loopback allows."""
    password: str | None = field(default=None, repr=False)
    cpu: bool = False
    """Never use a GPU."""
    devices: tuple[str, ...] = ()
    """What to draw on, a worker each: numbers or ids of GPUs as `nvidia-smi` gives them, or 'cpu'; empty: the first GPU."""
    compile: bool = False
    """Compile denoising networks, on a GPU."""
    cuda_graphs: bool = False
    """Record denoising networks per shape, on a GPU."""
    bfloat16: bool = False
    """Compute in bfloat16 on a processor that multiplies in it."""
    fake: bool = False
    """Draw with the torch-free fake engine: for work on the interface."""
    open_browser: bool = True
    allowed_hosts: tuple[str, ...] = ()
    """Further Host values to accept beside the addresses that are served."""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Origin, such as 'https://huggingface.co', to the token that downloads from it send."""
    hugging_face: str = "https://huggingface.co"
    """The hub, or a mirror of it."""
    models_dirs: tuple[Path, ...] = ()
    """Further folders of models, such as those of other programs; used in place."""
    private_downloads: bool = False
    """Whether links may lead to addresses inside this network."""
    develop: bool = False
    """Load an extension anew when one of its files is saved."""
    repository: Path = Path(__file__).resolve().parents[2]
    """Where the program's own models/ lie."""

    @property
    def is_reachable(self) -> bool:
        """Whether other computers can reach the address that is served."""
        return self.host != "localhost" and not self.host.startswith("127.") and self.host != "::1"

    @property
    def installing_refusal(self) -> str | None:
        """Why this studio installs no extensions; None where only this computer reaches it."""
        if not (self.is_reachable or self.share or self.allowed_hosts):
            return None
        return (
            "Others may reach this studio, and an extension's code has all rights of the person who started it, so "
            "none is installed or removed over HTTP. At the computer itself: python launch.py extensions install."
        )

    @property
    def changing_refusal(self) -> str | None:
        """Why this studio's settings are not changed over HTTP; None where only this computer reaches it."""
        if not (self.is_reachable or self.share or self.allowed_hosts):
            return None
        return (
            "Others may reach this studio, and its settings concern everybody, so none is changed over HTTP. Start it "
            "without --listen, --share and --allow-host to change them; later starts keep them."
        )

    @property
    def emptying_refusal(self) -> str | None:
        """Why this studio's bin is not emptied over HTTP; None where only this computer reaches it."""
        if self.changing_refusal is None:
            return None
        return (
            "Others may reach this studio, and what is removed from the bin is gone for everybody, so it is not emptied "
            "over HTTP. At the computer itself: python launch.py pictures empty-bin."
        )

    @property
    def making_refusal(self) -> str | None:
        """Why no model is made of others over HTTP; None where only this computer reaches it."""
        if self.changing_refusal is None:
            return None
        return (
            "Others may reach this studio, and a model that is merged or converted takes this computer's disk and memory, so none is made "
            "over HTTP. At the computer itself: python launch.py models merge, or convert."
        )

    @property
    def folders_refusal(self) -> str | None:
        """Why no folder of models is added over HTTP; None where only this computer reaches it."""
        if self.changing_refusal is None:
            return None
        return (
            "Others may reach this studio, and a folder that is added shows what lies on this computer, so none is added, removed or "
            "listed over HTTP. Name folders when it is started: python launch.py --models-dir FOLDER."
        )

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """How the program was started, in words: what and how."""
        on = {
            "--cpu": self.cpu, "--compile": self.compile, "--cuda-graphs": self.cuda_graphs,
            "--bfloat16": self.bfloat16, "--develop": self.develop, "--fake": self.fake,
            "--allow-private-downloads": self.private_downloads,
        }  # fmt: skip
        return (
            ("Pictures", str(self.outputs)),
            ("Models", "\n".join(str(folder) for folder in self.model_folders)),
            ("Extensions", "\n".join(str(folder) for folder in self.extension_folders)),
            ("Folders for batches", str(self.data_dir / "inputs")),
            ("Queue and records", str(self.database)),
            ("Devices", ", ".join(self.devices) or "the first that is found"),
            ("Flags", " ".join(flag for flag, is_on in on.items() if is_on) or "none"),
        )

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """Folders searched for checkpoints, in order; the first holding an id wins."""
        return self.folders_with(())

    def folders_with(self, added: Sequence[Path]) -> tuple[Path, ...]:
        """The same, with those that were added in the studio."""
        own, boxed = self.data_dir / "models", self.repository / "models"
        return tuple(dict.fromkeys((own, *self.models_dirs, *added, boxed)))

    @property
    def previews(self) -> Path:
        """Pictures that were set as those of models."""
        return self.data_dir / "previews"

    @property
    def extension_folders(self) -> tuple[Path, ...]:
        """Folders searched for extensions, in order; the first holding a name wins."""
        own, boxed = self.data_dir / "extensions", self.repository / "extensions"
        return (own,) if own == boxed else (own, boxed)

    @property
    def outputs(self) -> Path:
        """Finished pictures, one folder a day."""
        return self.data_dir / "outputs"

    @property
    def images(self) -> Path:
        """Uploaded images, named by content."""
        return self.data_dir / "outputs" / ".images"

    @property
    def database(self) -> Path:
        """SQLite file."""
        return self.data_dir / "easel.sqlite"
