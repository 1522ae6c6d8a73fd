"""P4 and P5: cells of the paper that are one run, and places where it contradicts itself."""

from __future__ import annotations

from analysis.claims.findings.finding import Fact, Finding, printed_values
from analysis.records import key
from studies.declare.registry import find_study
from studies.declare.study import runs

# (study, arm), then where the paper prints it: (table, row, column)
_SAME = (
    (
        (("scan_ablation", "zigzag-8"), ("1", "Zigzag-8", "256 FID")),
        (("conditioning", "cross-attention"), ("8", "Cross-Attention", "FID")),
    ),
    (
        (("position_embedding", "ZigMa none"), ("2", "ZigMa", "No PE FID")),
        (("transformers", "ZigMa"), ("5", "ZigMa", "FID")),
    ),
    (
        (("position_embedding", "ZigMa learned"), ("2", "ZigMa", "Learnable PE FID")),
        (("hilbert", "zigzag-8"), ("7", "zigzag-8", "FID")),
    ),
)


def _p4() -> list[Fact]:
    facts = []
    for (one, place), (other, second) in _SAME:
        a, b = printed_values()[place], printed_values()[second]
        places = f"Table {' '.join(place)} and Table {second[0]} {second[1]}"
        facts.append(Fact(places, f"{a} and {b}", "one run", float(a) == float(b)))
        keys = [_key(study, arm) for study, arm in (one, other)]
        same = keys[0] == keys[1]
        what = f"declared here: {' '.join(one)} and {' '.join(other)}"
        facts.append(Fact(what, "one configuration" if same else "two", "one run", same))
    return facts


def _key(study: str, arm: str) -> str:
    declared = runs(find_study(study), "paper", settings=["celebamm-256"])
    return key(next(run.config for run in declared if run.arm == arm).model_dump(mode="json"))


def _p5() -> list[Fact]:
    printed = printed_values()
    batch = int(printed["10", "Batch size/GPU", "FacesHQ 1024"]) * int(
        printed["10", "GPU num", "FacesHQ 1024"]
    )
    decay = printed["10", "weight decay", "FacesHQ 1024"]
    tokens = (int(printed["10", "z-shape", "FacesHQ 1024"].split("x")[1]) // 2) ** 2
    return [
        Fact("weight decay: Table 10, and section 4.1", decay, "0.01", float(decay) != 0.01),
        Fact(
            "tokens of 128x128 latents at patch 2, and Table 3's caption", str(tokens), "4094", tokens != 4094
        ),
        Fact("FacesHQ: Table 10's images per step, and Table 3's bs", str(batch), "512", batch != 512),
        Fact(
            "GPUs: Table 10 for FacesHQ, and sections 4.1, 4.3",
            printed["10", "GPU num", "FacesHQ 1024"],
            "4; 16",
            printed["10", "GPU num", "FacesHQ 1024"] not in ("4", "16"),
        ),
    ]


FINDINGS = (
    Finding(
        name="P4",
        of="the paper",
        says="cells of Tables 1 and 8, 2 and 5, 2 and 7 are one run each",
        here="a run is identified by its configuration, and run once",
        show=_p4,
    ),
    Finding(
        name="P5",
        of="the paper",
        says="text, captions and Table 10 disagree on decay, tokens, batch and GPUs",
        here="presets follow Table 10 and say so",
        show=_p5,
        also="python -m studies show training_setup",
    ),
)
