"""Beyond the paper: the two arms beside which `python -m studies try` puts a curve, a plan or a mixer of one's own.

Both settings take 64 tokens and a core a minute a run. The digits are those of the zoo, so that its published runs
serve and a curve has all others beside it; the fields are Gaussian, where the best velocity is known in closed form.
"""

from studies.declare.scales import DESK_FIELDS, TINY_SHORT, vary
from studies.declare.study import Arm, Study

# Fields as long as half a side: rows tell much of each other. As many steps as the digits have.
FIELDS = vary(
    TINY_SHORT,
    data={"name": "fields", "field": DESK_FIELDS.data.field.replace(lengths=(4.0,))},  # type: ignore[union-attr]
    training={"batch_images": 16},
    evaluation={
        "extractors": (),
        "n_generated": 16,
        "n_real": 1024,
        "every_steps": 50,
        "n_on_the_way": 256,
    },
)

STUDY = Study(
    name="trial",
    shows="beyond",
    title="A zigzag and a sweep of eight schemes, on fields whose optimum is known and on digits",
    arms=(Arm("zigzag-8", {"model.scan": "zigzag-8"}), Arm("sweep-8", {"model.scan": "sweep-8"})),
    scales={"tiny": {"fields-8": FIELDS, "digits-8-short": TINY_SHORT}},
    notes=(
        "`python -m studies try my_curves.py:my-spiral` adds an arm of yours and writes a page about it",
        "500 steps: enough to see arms part, too few for a verdict that would hold at scale",
    ),
)
