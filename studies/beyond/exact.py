"""Beyond the paper: how far is each scan from the best possible network, where that network is known?

The data are Gaussian fields, drawn fresh at every step. Their best velocity is known in closed form, with everything
in sight and along any path (`zigma.optimum`), so that a record says how much of an arm's loss its path cannot see and
how much it has not learned; no extractor, no held-out set that a network could come near by heart.

All settings of a scale have as many tokens, in rows of 8, 16 or 32: what changes is how far apart neighbours of two
rows are on a path. Each is tried without positions and with learned ones.
"""

from studies.declare.scales import DESK_FIELDS, vary
from studies.declare.study import Arm, Study
from zigma.experiment.config import RunConfig

PLANS = (
    *("sweep-1", "sweep-2", "sweep-8"),
    *("zigzag-1", "zigzag-2", "zigzag-8"),
    *("hilbert-2", "hilbert-8", "hilbert-released-2", "hilbert-released-8"),
    *("random-8", "bidirectional"),
)

# 256 tokens. Fields as long as half a side of 16 cells: rows tell much of each other, and a token little of the rest.
# A fifth of the steps of the other studies at `desk`, and half the batch: 84 arms are to fit into a night.
LONG = vary(
    DESK_FIELDS,
    model={"patch": 1},
    training={"steps": 1000, "batch_images": 8, "warmup_steps": 20, "ema_rate": 0.98},
    sampling={"steps": 10},
    evaluation={"n_generated": 16, "every_steps": 50, "n_on_the_way": 256},
)
# 64 tokens, a narrower network and a tenth of the steps: seconds an arm, to see that everything works
SHORT = vary(
    LONG,
    model={"grid": (4, 16), "hidden": 32},
    data={"size": 4, "width": 16},
    training={"steps": 100, "warmup_steps": 10, "ema_rate": 0.9},
    evaluation={"every_steps": 20},
)


def _settings(base: RunConfig) -> dict[str, RunConfig]:
    """Rows of 16, 8 and 32 cells, without positions and with learned ones."""
    height, width = base.data.sides
    rows = {columns: (height * width // columns, columns) for columns in (16, 8, 32)}
    return {
        f"rows-{columns}{suffix}": vary(
            base,
            model={"grid": grid, "position": position},
            data={"size": grid[0], "width": grid[1]},
        )
        for position, suffix in (("none", ""), ("learned", "-positions"))
        for columns, grid in rows.items()
    }


STUDY = Study(
    name="exact",
    shows="beyond",
    title="Scans against the best possible network, on Gaussian fields",
    arms=(
        *(Arm(plan, {"model.scan": plan}) for plan in PLANS),
        *(
            Arm(f"{plan} state", {"model.scan": plan, "model.mixer.carry_state": True})
            for plan in ("sweep-1", "zigzag-1")
        ),
    ),
    scales={"tiny": _settings(SHORT), "desk": _settings(LONG)},
    notes=(
        "excess velocity: the mean squared distance, per value, of the averaged network's velocity from the best one; "
        "a loss is the least loss and this",
        "state: every scan begins in the state in which the layer before ended (Arcee, arXiv 2511.11243), so that "
        "from the second layer on every token knows something of all",
        "least of its plan, of one path, of one token: what the best network reaches that sees through all layers "
        "of the plan, along the first layer's path alone, or one token",
        "Frechet distance and covariance error of samples: from the true covariance (`samples_frechet`, "
        "`samples_covariance_error`), beside what as many true fields have; with fewer samples than values the "
        "distance favours samples that are too even, the error does not",
        "steps, batch and learning rate are one choice for all arms; tiny shows that everything works and says nothing "
        "of scans",
    ),
)
