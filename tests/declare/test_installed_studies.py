"""Studies that another package brings."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from studies.declare import registry
from zigma.common import plugged


def test_they_stand_among_ours_and_a_broken_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_package_of_studies.py").write_text(
        "from studies.declare.own import own_study\nfrom studies.declare.scales import TINY\n"
        "STUDY = own_study('Does it?', {'a': {'model.scan': 'sweep-1'}}, {'digits-8': TINY})\n"
        "def make():\n    return STUDY\n"
        "number = 5\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = {"does_it": "STUDY", "made": "make", "number": "number", "gone": "gone", "exact": "STUDY"}
    entries = [EntryPoint(k, f"a_package_of_studies:{v}", "zigma.studies") for k, v in words.items()]
    monkeypatch.setattr(plugged, "entry_points", lambda group: [e for e in entries if e.group == group])
    plugged._entries.cache_clear()
    registry.installed.cache_clear()
    try:
        with pytest.warns(UserWarning, match="it is left out") as caught:
            assert registry.find_study("does_it").arms[0].name == "a"
        lines = " ".join(str(each.message) for each in caught)
        assert "study 'number' of a_package_of_studies:number is a int and no Study" in lines
        assert "'gone' of a_package_of_studies:gone cannot be loaded: AttributeError" in lines
        assert (
            "study 'exact' of a_package_of_studies:STUDY has the name of a study or table of this package"
            in lines
        )
        assert registry.find_study("made").name == "made"
        assert registry.find_study("exact").title.startswith("Scans against")
    finally:
        plugged._entries.cache_clear()
        registry.installed.cache_clear()
