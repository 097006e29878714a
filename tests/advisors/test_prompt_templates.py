"""Templates: packaged ones by name, a person's own from a folder, and what is wrong with one in one line."""

from importlib import resources
from pathlib import Path

import pytest

from drift_e3.advisors.prompt_templates import (
    BYTES_MAX,
    DEFAULT,
    TemplateRefused,
    load_template,
    packaged_names,
)
from drift_e3.advisors.prompts import render
from tests.advisors.questions import a_question


def test_every_packaged_file_is_a_template_and_the_default_is_one_of_them() -> None:
    folder = resources.files("drift_e3.advisors").joinpath("templates")
    assert sorted(file.name for file in folder.iterdir()) == [f"{name}.txt" for name in packaged_names()]
    assert DEFAULT in packaged_names()
    assert load_template().name == DEFAULT


def test_the_guides_own_prompt_is_packaged_word_for_word() -> None:
    guide = load_template("guide-v1").text.template.splitlines()
    assert guide[0] == "You are an expert cryptocurrency trader analyzing $symbol market conditions."
    assert guide[-6:] == [
        "Provide analysis:",
        "1. Market Regime: [bull_trend/bear_trend/high_vol/crash/chop]",
        "2. Direction: [LONG/SHORT/FLAT]",
        "3. Confidence: [0.0-1.0]",
        "4. Position Size: [0.5-2.0x multiplier]",
        "5. Reasoning: [Analysis including regime justification]",
    ]


def test_a_persons_own_template_is_used_and_its_name_tells_of_every_change(tmp_path: Path) -> None:
    own = tmp_path / "mine.txt"
    own.write_text("Costs are in $$.\n$market\nJSON only.")
    first = load_template("mine", tmp_path)
    assert first.name.startswith("mine@")
    assert render(a_question(), first).startswith("Costs are in $.\nprice: 151.250 USD\n")
    own.write_text("$market\nJSON, please.")
    assert load_template("mine", tmp_path).name != first.name


def test_a_persons_own_template_stands_before_a_packaged_one_and_is_told_from_it(tmp_path: Path) -> None:
    (tmp_path / f"{DEFAULT}.txt").write_text("$market")
    assert load_template(DEFAULT, tmp_path).name.startswith(f"{DEFAULT}@")
    assert load_template("guide-v1", tmp_path).name == "guide-v1"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", ".hidden", "x" * 65, "a b", "mine.txt\n"])
def test_a_name_cannot_be_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(TemplateRefused, match="is no name of a template"):
        load_template(name, tmp_path)


def test_an_unknown_template_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    packaged = "brief-v1, default-v1, guide-v1"
    with pytest.raises(TemplateRefused, match=f"'poem' is no prompt template; packaged: {packaged}"):
        load_template("poem")
    with pytest.raises(TemplateRefused, match=f"no prompt template in {tmp_path}, nor a packaged one"):
        load_template("poem", tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"$market and $moon", r"\$moon is no place"),
        (b"$market costs 5 $", r"a \$ that names no place"),
        (b"$market ${", r"a \$ that names no place"),
        (b"buy!", r"has no \$market"),
        (b"", r"has no \$market"),
        (b"$market \xff", "is not UTF-8 text"),
        (b"$market" + b" " * BYTES_MAX, f"more than {BYTES_MAX} bytes"),
    ],
)
def test_an_unusable_file_is_refused_with_its_name(content: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(TemplateRefused, match=complaint) as caught:
        load_template("mine", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/mine.txt: ")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").mkdir()
    with pytest.raises(TemplateRefused, match="cannot be read"):
        load_template("mine", tmp_path)
