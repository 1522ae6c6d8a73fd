"""Words that a person types, and those that are printed."""

import pytest

from analysis.__main__ import main as analysis_main
from studies.__main__ import main as studies_main
from zigma.common.words import counted, first_line, unknown
from zigma.data.__main__ import main as data_main
from zigma.profiling.__main__ import main as profiling_main


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (1, ("run",), "1 run"),
        (0, ("run",), "0 runs"),
        (12_000, ("image",), "12,000 images"),
        (1, ("class", "classes"), "1 class"),
        (2, ("class", "classes"), "2 classes"),
    ],
)
def test_one_thing_is_not_called_several(count, words, text):
    assert counted(count, *words) == text


def test_a_fault_without_words_is_called_by_its_name() -> None:
    assert first_line(RuntimeError("  one\ntwo")) == "one"
    assert first_line(RuntimeError("")) == "RuntimeError"


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (studies_main, ["run", "scan_ablation", "--scle", "tiny"]),
        (analysis_main, ["make-tables", "--scale", "x"]),
        (data_main, ["list", "--all"]),
        (profiling_main, ["step", "--all"]),
    ],
)
def test_an_option_that_a_command_does_not_know_points_at_the_help_of_that_command(
    main, words, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert "unrecognized arguments: --" in told
    assert f" {words[0]} --help)" in told


def test_of_very_many_right_words_a_message_names_the_first_and_counts_the_others() -> None:
    assert str(unknown("arm", "x", [])) == "unknown arm 'x': there are none"
    many = str(unknown("arm", "x", [f"a{i}" for i in range(70)]))
    assert many.endswith("a58, a59 and 10 more")
