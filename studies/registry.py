"""Which studies there are: every module of `studies.paper` declares one as `STUDY`."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from studies.study import Study
from studies.words import unknown


@cache
def studies() -> dict[str, Study]:
    """All studies by name, in the order of their names."""
    import studies.paper

    found = {}
    for module in iter_modules(studies.paper.__path__):
        study: Study = import_module(f"studies.paper.{module.name}").STUDY
        found[study.name] = study
    return found


def find_study(name: str) -> Study:
    """The study of that name.

    Raises:
        WordError: there is none; the nearest name is offered.
    """
    if name not in studies():
        raise unknown("study", name, studies())
    return studies()[name]
