"""Wildcards in YAML and JSON files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.own_hooks import store_of
from webui.contracts.errors import BadRequest
from webui.hooks.builtin.wildcard_trees import UnreadableTree, read_tree
from webui.prompt.choices import parse_entry
from webui.prompt.drawing import every_prompt
from webui.services.wildcards import WildcardStore

TREE = """
clothing:
  - T-shirt
  - 0.5::shoes
  - 1970
  - {text: a hat, weight: 3}
artists:
  dutch: [Rembrandt, "{Vincent|Theo} van Gogh"]
  finnish:
    - |
      # the golden age
      Akseli
      Gallen-Kallela
  1234: [a key that is no text]
  flurp: 12345
  nothing: [true, null, [nested], {weight: 2}]
"""


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def said(store: WildcardStore, prompt: str) -> list[str]:
    return list(every_prompt(prompt, store.entries()))


def test_lists_are_named_by_their_keys_and_the_files_folder(tmp_path: Path) -> None:
    write(tmp_path, "any.yaml", TREE)
    write(tmp_path, "more/words.yml", "mood: [calm]")
    write(tmp_path, "more/plain.yaml", "- one\n- two\n")
    write(tmp_path, "numbers.json", '{"small": ["one", "two"]}')
    store = store_of(tmp_path)
    assert store.names() == (
        "artists/dutch", "artists/finnish", "artists/nothing", "clothing", "more/mood", "more/plain", "small",
    )  # fmt: skip
    assert said(store, "__more/plain__ __small__")[-1] == "two two"


def test_entries_are_those_of_text_files_with_weights_and_choices(tmp_path: Path) -> None:
    tree = read_tree(write(tmp_path, "any.yaml", TREE))
    assert [parse_entry(text).weight for text in tree["clothing"]] == [1, 0.5, 1, 3]
    store = store_of(tmp_path)
    assert said(store, "__clothing__") == ["T-shirt", "shoes", "1970", "a hat"]
    assert said(store, "__artists/d*__") == ["Rembrandt", "Vincent van Gogh", "Theo van Gogh"]
    assert said(store, "__artists/finnish__") == ["Akseli\nGallen-Kallela"]


def test_a_star_takes_a_whole_branch(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "warm: {red: [brick], yellow: [straw]}\ncold: {blue: [sky]}")
    assert said(store_of(tmp_path), "__warm/*__") == ["brick", "straw"]


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "warm: [red]")
    store = store_of(tmp_path)
    assert store.names() == ("warm",)
    write(tmp_path, "a.yaml", "warm: [red, orange]\ncold: [blue]")
    assert store.names() == ("cold", "warm")
    assert said(store, "__warm__") == ["red", "orange"]


def test_a_broken_file_hides_no_other_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "bad.yaml", "a: [b\nc: d: e")
    write(tmp_path, "good.yaml", "mood: [calm]")
    assert store_of(tmp_path).names() == ("mood",)
    assert "bad.yaml' cannot be read: while parsing" in caplog.text


def test_a_tree_runs_no_code_and_does_not_grow_without_end(tmp_path: Path) -> None:
    code = write(tmp_path, "code.yaml", "a: !!python/object/apply:os.getcwd []")
    with pytest.raises(UnreadableTree, match="could not determine a constructor"):
        read_tree(code)
    levels = "".join(f"l{i + 1}: &l{i + 1} {{a: *l{i}, b: *l{i}, c: *l{i}}}\n" for i in range(25))
    for root in (f"l0: &l0 [{'x, ' * 1000}]\n", "l0: &l0 {}\n"):
        with pytest.raises(UnreadableTree, match="more than 100000 lists and branches"):
            read_tree(write(tmp_path, "bomb.yaml", root + levels))
    with pytest.raises(UnreadableTree):
        read_tree(write(tmp_path, "deep.json", "[" * 100_000))


def test_a_wildcard_that_vanished_meanwhile_is_a_sentence(tmp_path: Path) -> None:
    file = write(tmp_path, "a.yaml", "warm: [red]")
    entries = store_of(tmp_path).entries()
    file.unlink()
    with pytest.raises(BadRequest, match="cannot be read"):
        entries("warm")


def test_a_weight_beside_a_text_counts_before_one_in_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.yaml",
        "c: [{text: '0.5::red', weight: 2.25}, {text: '3::blue'}, {text: x, weight: 1.0e-3}]",
    )
    options = store_of(tmp_path).entries()("c")
    assert [option.weight for option in options] == [2.25, 1, 0.001]
    assert said(store_of(tmp_path), "__c__") == ["red", "blue", "x"]
