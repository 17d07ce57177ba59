"""One job an image, with the same settings; what is wrong with one leaves the others."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.services.conftest import Services
from tests.services.models import write_controlnet
from webui.contracts.batch import BatchImage, BatchOrder
from webui.contracts.errors import BadRequest, InvalidField, NotFound
from webui.contracts.ids import BatchId, ImageId
from webui.contracts.job import JobState
from webui.contracts.request import GenerationRequest
from webui.services.batches import BatchService
from webui.services.inputs import InputFolders
from webui.services.known_hashes import KnownHashes
from webui.services.pasting import ParameterReader
from webui.services.wording import WordSources


@pytest.fixture
def batches(services: Services) -> BatchService:
    hashes = KnownHashes(services.database, services.catalog)
    styles = WordSources.below(services.folder).styles
    reader = ParameterReader(services.catalog, styles, services.images, hashes, services.hooks)
    folders = InputFolders(services.folder / "inputs")
    return BatchService(services.jobs, services.images, reader, folders)


def picture(shade: int, told: str = "") -> bytes:
    out, info = io.BytesIO(), PngInfo()
    if told:
        info.add_text("parameters", told)
    Image.new("RGB", (64, 64), (shade, 0, 0)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def put(services: Services, folder: str, **files: bytes) -> None:
    target = services.folder / "inputs" / folder
    target.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        Path(target / f"{name}.png").write_bytes(data)


def order(**fields: Any) -> BatchOrder:
    request = GenerationRequest.model_validate({"prompt": "a boat", **fields.pop("request", {})})
    return BatchOrder(request=request, **fields)


def uploaded(services: Services, shade: int, **fields: Any) -> BatchImage:
    return BatchImage(image=services.images.put(picture(shade)), **fields)


def test_each_image_becomes_a_job_of_one_batch(services: Services, batches: BatchService) -> None:
    images = (uploaded(services, 1, name="one.jpg"), uploaded(services, 2))
    made = batches.submit(order(images=images, request={"steps": 7}))
    assert [job.request.image for job in made.jobs] == [image.image for image in images]
    assert {(job.request.batch, job.request.steps) for job in made.jobs} == {(made.id, 7)}
    assert made.jobs[0].request.source_name == "one.jpg"
    assert [job.id for job in batches.get(made.id)] == [job.id for job in made.jobs]


def test_an_unknown_image_is_named_and_the_others_go_on(
    services: Services, batches: BatchService
) -> None:
    gone = BatchImage(image=ImageId("0" * 64), name="gone.png")
    made = batches.submit(order(images=(gone, uploaded(services, 2))))
    assert len(made.jobs) == 1
    assert [one.name for one in made.refused] == ["gone.png"]
    assert "There is no image" in made.refused[0].reason


def test_a_broken_file_of_a_folder_is_named_and_the_others_go_on(
    services: Services, batches: BatchService
) -> None:
    put(services, "day", a=picture(1), b=b"no picture", c=picture(3))
    made = batches.submit(order(folder="day"))
    assert [job.request.source_name for job in made.jobs] == ["a.png", "c.png"]
    assert [one.name for one in made.refused] == ["b.png"]
    assert "is no picture that can be read" in made.refused[0].reason


def test_a_batch_of_which_nothing_can_be_used_is_refused(
    services: Services, batches: BatchService
) -> None:
    put(services, "day", b=b"no picture")
    with pytest.raises(BadRequest, match=r"None of the 1 images can be used. b.png: The file is"):
        batches.submit(order(folder="day"))
    assert services.jobs.list() == ()


def test_masks_have_the_names_of_their_images(services: Services, batches: BatchService) -> None:
    put(services, "day", a=picture(1), b=picture(2), c=picture(3))
    put(services, "masks", a=picture(250), b=picture(251))
    made = batches.submit(order(folder="day", masks="masks"))
    masks = [services.images.put(picture(shade)) for shade in (250, 251)]
    assert [job.request.mask for job in made.jobs] == masks
    assert made.refused[0].reason.startswith("There is no mask for 'c.png'.")


def test_one_mask_is_for_all(services: Services, batches: BatchService) -> None:
    put(services, "day", a=picture(1), b=picture(2))
    put(services, "masks", any=picture(250))
    made = batches.submit(order(folder="day", masks="masks"))
    assert {job.request.mask for job in made.jobs} == {services.images.put(picture(250))}


def test_what_a_file_tells_is_taken_where_it_is_asked_for(
    services: Services, batches: BatchService
) -> None:
    told = "red\nSteps: 9, Sampler: Heun, CFG scale: 3, Seed: 77"
    put(services, "day", a=picture(1, told), b=picture(2))
    made = batches.submit(order(folder="day", take=("prompt", "seed"), request={"seed": 5}))
    first, second = (job.request for job in made.jobs)
    assert (first.prompt, first.seed) == ("a boat, red", 77)
    assert first.steps != 9
    assert (second.prompt, second.seed) == ("a boat", 5)


def test_an_image_cannot_bring_what_no_image_can(services: Services, batches: BatchService) -> None:
    image = uploaded(services, 1, own={"count": 50})
    with pytest.raises(BadRequest, match="own is 'count'"):
        batches.submit(order(images=(image,)))


def test_images_and_a_folder_exclude_one_another(batches: BatchService) -> None:
    with pytest.raises(InvalidField, match="either images or the name of a folder"):
        batches.submit(order())


def test_cancelling_ends_what_is_not_final(services: Services, batches: BatchService) -> None:
    made = batches.submit(order(images=tuple(uploaded(services, i) for i in range(3))))
    services.jobs.mark_running(made.jobs[0].id)
    services.jobs.finish(made.jobs[0].id, JobState.DONE)
    states = [job.state for job in batches.cancel(made.id)]
    assert states == [JobState.DONE, JobState.CANCELLED, JobState.CANCELLED]


def test_an_unknown_batch_is_not_found(batches: BatchService) -> None:
    with pytest.raises(NotFound, match="There is no batch"):
        batches.cancel(BatchId("none"))


def test_controls_that_follow_read_each_image_and_others_the_same(
    services: Services, batches: BatchService
) -> None:
    write_controlnet(services.folder / "models" / "edges", reads="edges")
    same = uploaded(services, 9).image
    use = {"adapter": "edges", "image": same}
    images = (uploaded(services, 1), uploaded(services, 200))
    following = [{"control": 1}, {"control": 2, "preprocessor": "invert"}]
    made = batches.submit(
        order(images=images, following=following, request={"controls": [use, use, use]})
    )
    read = [[control.image for control in job.request.controls] for job in made.jobs]
    assert [row[:2] for row in read] == [[same, image.image] for image in images]
    for row, shade in zip(read, (254, 55), strict=True):
        with Image.open(services.images.path(row[2])) as inverted:
            assert inverted.convert("RGB").getpixel((0, 0)) == (shade, 255, 255)


def test_a_control_that_is_not_there_follows_nothing(
    services: Services, batches: BatchService
) -> None:
    with pytest.raises(InvalidField, match=r"following\.0\.control is 1, .* 0 controls"):
        batches.submit(order(images=(uploaded(services, 1),), following=[{"control": 1}]))
    assert not services.jobs.counts()[JobState.QUEUED]
