"""Jobs that are queued and awaited, and the workers that draw them."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from tests.services.conftest import Services
from tests.services.models import write_controlnet, write_lora, write_model
from tests.workers.listening import ECHO_WORKER, eventually
from webui.contracts.fakes import FakeWorker
from webui.contracts.ids import ImageId
from webui.contracts.job import Job
from webui.services.dispatcher import Dispatcher
from webui.workers.local import LocalWorker
from webui.workers.protocol import OnEvent, Worker

Start = Callable[..., Dispatcher]
MakeWorker = Callable[[OnEvent], Worker]


def quick(on_event: OnEvent) -> Worker:
    return FakeWorker(on_event, step_seconds=0.002)


def slow(on_event: OnEvent) -> Worker:
    return FakeWorker(on_event, step_seconds=0.05)


def echo(*arguments: str) -> MakeWorker:
    return lambda on_event: LocalWorker(on_event, [*ECHO_WORKER, *arguments])


def submit(services: Services, prompt: str = "a boat", **fields: object) -> Job:
    return services.submit(prompt, **{"width": 64, "height": 64, "steps": 4, **fields})


def ended_jobs(services: Services, *jobs: Job) -> list[Job]:
    eventually(lambda: all(services.jobs.get(job.id).state.is_final for job in jobs))
    return [services.jobs.get(job.id) for job in jobs]


def at_step(services: Services, job: Job, step: int) -> None:
    eventually(lambda: services.jobs.get(job.id).step >= step)


def equipped(services: Services) -> tuple[ImageId, dict[str, object]]:
    """An uploaded image, and a request for a model with a controlnet and two LoRAs."""
    models = services.folder / "models"
    write_model(models / "m")
    write_controlnet(models / "edges", reads="edges")
    for name in ("chalk", "ink"):
        write_lora(models / "loras" / f"{name}.safetensors")
    out = io.BytesIO()
    Image.new("L", (16, 16), 255).save(out, "PNG")
    image = services.images.put(out.getvalue())
    control = {"adapter": "edges", "image": image}
    loras = [{"adapter": "chalk"}, {"adapter": "ink"}, {"adapter": "chalk", "weight": 2}]
    return image, {
        "model": "m", "image": image, "mask": image, "controls": [control], "loras": loras,
    }  # fmt: skip
