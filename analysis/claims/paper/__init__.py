"""What the paper claims, by topic: short quotations and the statements that they make of recorded numbers.

Margins, exponents and the settings that are meant are declared here, before any record is looked at.
"""

from analysis.claims.paper import baselines, beyond, costs, curves, exact, schemes, training

CLAIMS = tuple(
    claim for topic in (schemes, baselines, curves, costs, training, exact, beyond) for claim in topic.CLAIMS
)
