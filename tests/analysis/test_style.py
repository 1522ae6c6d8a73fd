"""Names in a figure look unlike each other."""

from analysis.style import KNOWN, looks


def test_no_two_of_many_names_have_one_colour_and_marker() -> None:
    """In bars the marker alone tells an arm of the curves beside them: eight zigzags and two Hilbert curves had one."""
    names = [*KNOWN, *(f"arm {i}" for i in range(20))]
    looked = looks(names)
    assert list(looked) == names
    assert len({(look["color"], look["marker"]) for look in looked.values()}) == len(names)
