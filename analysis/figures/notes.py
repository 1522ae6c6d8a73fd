"""What stands below a figure with numbers: scale, seeds, protocol, device, and what the paper printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.metrics import main_metric
from analysis.records import Sheet, devices_of
from studies.run.record import Record
from zigma.common.words import counted

PRINTS_NONE = "The paper prints no numbers for this figure, so none of its values stand here."


def place_of(part: Sheet) -> str:
    """What stands over its panels. What was changed has room in the notes alone; that something was, must be seen."""
    return f"{part.scale}, {part.setting}" + (", changed by --set" if part.changed else "")


def provenance(part: Sheet, metric: str | None = None, curves: Sequence[str] = ()) -> tuple[str, ...]:
    """The lines that make the numbers of a sheet readable: scale, seeds, interval, protocol, devices, failures.

    The protocol is that of a metric at the end of training, or of `curves`, which judge fewer samples on the way.
    """
    where = f"{part.scale}, {part.setting}"
    done = [record for record in part.records if record["status"] == "done"]
    lines = [f"{where}: {_seeds(part)}; on {devices(done)}."]
    if part.changed:
        lines[0] += f" Changed by --set {part.changed}."
    if part.own_data:
        lines[0] += " Images that are not the paper's."
    elif part.scale != "paper" and not part.study.file and part.study.rebuilds_paper:
        lines[0] += " A stand-in for the paper's data and size."
    if rules := _on_the_way(done, curves) if curves else protocol(done, metric):
        lines.append(f"{where}: {rules}.")
    if metric is not None and (others := _of_other_rules(part, metric)):
        lines.append(
            f"{where}: {counted(others, 'value')} of {metric} by other rules left out; see the table."
        )
    failed = {arm: len(part.failed(arm)) for arm in part.arms}
    if any(failed.values()):
        lines.append(f"{where}: failed: {', '.join(f'{arm} {n}' for arm, n in failed.items() if n)}.")
    return tuple(lines)


def _of_other_rules(part: Sheet, metric: str) -> int:
    """How many values of a metric the figures leave out."""
    rules = part.commonest_protocol(metric, part.arms)
    return sum(len(part.by_seed(arm, metric)) - len(part.by_seed(arm, metric, rules)) for arm in part.arms)


def _seeds(part: Sheet) -> str:
    counts = {arm: n for arm in part.arms if (n := len(part.done(arm)))}
    if set(counts.values()) <= {1}:
        return "one seed, so no interval"
    same = len(set(counts.values())) == 1
    seeds = f"{next(iter(counts.values()))}" if same else ", ".join(f"{arm} {n}" for arm, n in counts.items())
    return f"mean and 95 % Student t interval over seeds (n = {seeds})"


def devices(records: Iterable[Record]) -> str:
    """The devices of these records by name."""
    return "; ".join(devices_of(records)) or "no device"


def protocol(records: Iterable[Record], metric: str | None = None) -> str:
    """How the samples were judged: the metric with its numbers of images, reference set and extractor."""
    metrics = [m for r in records for m in r["metrics"] if metric is None or m["name"] == metric]
    name = metric or main_metric(m["name"] for m in metrics)
    rules = dict.fromkeys(_rules(m) for m in metrics if m["name"] == name)
    return "; ".join(rule for rule in rules if rule)


def _on_the_way(records: Iterable[Record], curves: Sequence[str]) -> str:
    """How samples were judged during training, where a record says so."""
    recorded = [(name, r["curves"].get(name, {}).get("protocol")) for r in records for name in curves]
    rules = dict.fromkeys(_rules({"name": name, **of_curve}) for name, of_curve in recorded if of_curve)
    return "; ".join(f"{rule}, on the way" for rule in rules if rule)


def _rules(metric: dict[str, object]) -> str:
    forms = {
        "n_generated": "{} generated",
        "n_real": "{} real",
        "reference": "reference: {}",
        "extractor": "extractor: {}",
        "batch_images": "batch {}",
        "repeats": "{} repeats",
    }
    parts = [form.format(metric[key]) for key, form in forms.items() if metric.get(key) is not None]
    return f"{metric['name']}: {', '.join(parts)}" if parts else ""
