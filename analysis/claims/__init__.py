"""What the paper claims, and what the records say of it: `judge(records)` gives a `Verdict` for each claim."""

from analysis.claims.claim import Claim, Judged, Printed, Tested, Verdict, Word
from analysis.claims.judge import judge
from analysis.claims.paper import CLAIMS

__all__ = ["CLAIMS", "Claim", "Judged", "Printed", "Tested", "Verdict", "Word", "judge"]
