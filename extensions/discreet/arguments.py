"""What an order may say to it."""

from pydantic import BaseModel, Field


class Discreet(BaseModel):
    """What is left out of files, and what is put in."""

    words: bool = Field(True, title="Leave out the words", description="Both prompts, regions, styles and LoRAs.")
    model: bool = Field(False, title="Leave out the model", description="Its name, those of others, and all hashes.")
    seed: bool = Field(False, title="Leave out the seed", description="It is told as 0.")
    credit: str = Field("", max_length=200, title="Credit", description="Written under the key Credit.")
