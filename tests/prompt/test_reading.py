"""What the text encoder is given of a prompt."""

from webui.prompt.reading import read_text
from webui.prompt.timeline import stages_of


def test_comments_and_networks_are_not_read() -> None:
    assert read_text("a <lora:x:1> boat # <lora:y:1>") == "a  boat "


def test_a_network_in_a_schedule_leaves_the_schedule_whole() -> None:
    text = read_text("a [<lora:x:0.5>cat:dog:4]")
    assert [(s.until, s.text) for s in stages_of(text, 10)] == [(4, "a cat"), (10, "a dog")]


def test_a_plain_prompt_is_given_back_as_it_is() -> None:
    prompt = "a (boat:1.2), [sea:lake:0.5] BREAK night"
    assert read_text(prompt) is prompt
