"""Pictures for controlnets, made of other pictures: which ways there are, and one taken."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ErrorView, ImageView, View
from webui.contracts.conditions import IMAGE_ID_PATTERN
from webui.contracts.ids import ImageId
from webui.services.preprocessing import preprocess
from webui.services.preprocessors import PREPROCESSORS


class SettingView(View):
    """A number that a preprocessor depends on."""

    name: str
    title: str
    low: float
    high: float
    usual: float
    step: float


class PreprocessorView(View):
    """A way to make a control picture."""

    name: str
    help: str
    reads: tuple[str, ...] = Field(description="What the controlnets that it is for read.")
    settings: tuple[SettingView, ...]


class PreprocessView(View):
    """An order for a control picture."""

    image: ImageId = Field(pattern=IMAGE_ID_PATTERN, description="An uploaded image.")
    preprocessor: str = Field(max_length=100, description="A name of GET /preprocessors.")
    settings: dict[str, float] = Field(
        default_factory=dict, max_length=20, description="Those left out are the usual ones."
    )


def preprocessors_router(context: ApiContext) -> APIRouter:
    """The routes /preprocessors and /preprocess."""
    router = APIRouter(tags=["images"])

    @router.get("/preprocessors", summary="List the preprocessors of control pictures")
    def preprocessors() -> list[PreprocessorView]:
        """In menu order."""
        return [
            PreprocessorView(
                name=each.name,
                help=each.help,
                reads=each.reads,
                settings=tuple(SettingView(**vars(setting)) for setting in each.settings),
            )
            for each in (*PREPROCESSORS, *context.extensions.studio.preprocessors())
        ]

    @router.post(
        "/preprocess",
        status_code=201,
        responses={
            400: {"model": ErrorView, "description": "A wrong setting, or a picture of colours."},
            404: ANSWERS[404],
        },
        summary="Make a control picture",
    )
    def make(order: PreprocessView) -> ImageView:
        """The outcome is an image like an uploaded one; `controls` in a request takes its id."""
        others = context.extensions.studio.preprocessors()
        made = preprocess(context.images, order.image, order.preprocessor, order.settings, others)
        width, height = context.images.size(made)
        return ImageView(id=made, width=width, height=height)

    return router
