"""The prompt matrix."""

from webui.prompt.matrix import matrix_prompts, matrix_size


def test_every_combination_of_the_parts_behind_the_first_is_made() -> None:
    assert matrix_prompts("a castle|at night| in snow ") == (
        "a castle",
        "a castle, at night",
        "a castle, in snow",
        "a castle, at night, in snow",
    )


def test_a_prompt_without_bars_is_a_matrix_of_one() -> None:
    assert matrix_prompts("a castle") == ("a castle",)
    assert matrix_size("a castle") == 1


def test_bars_of_alternation_and_choice_are_none_of_the_matrix() -> None:
    assert matrix_size("[a|b] {c|d}|e") == 2
    assert matrix_prompts("[a|b]|{c|d}")[1] == "[a|b], {c|d}"
