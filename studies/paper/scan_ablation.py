"""Table 1: a sweep against one, two and eight zigzags (section 4.2, "Scan Scheme Ablation")."""

from studies.scales import TINY
from studies.study import Arm, Study

STUDY = Study(
    name="scan_ablation",
    shows="Table 1",
    title="Ablation of the number of scan schemes on MultiModal-CelebA",
    arms=(
        Arm(
            "sweep",
            {"model.scan": "sweep-1"},
            {
                "256 FID": 158.1,
                "256 FDD": 75.9,
                "256 KID": 0.169,
                "512 FID": 162.3,
                "512 FDD": 103.2,
                "512 KID": 0.203,
            },
        ),
        Arm(
            "zigzag-1",
            {"model.scan": "zigzag-1"},
            {
                "256 FID": 65.7,
                "256 FDD": 47.8,
                "256 KID": 0.051,
                "512 FID": 121.0,
                "512 FDD": 78.0,
                "512 KID": 0.113,
            },
        ),
        Arm(
            "zigzag-2",
            {"model.scan": "zigzag-2"},
            {
                "256 FID": 54.7,
                "256 FDD": 45.5,
                "256 KID": 0.041,
                "512 FID": 96.0,
                "512 FDD": 59.5,
                "512 KID": 0.079,
            },
        ),
        Arm(
            "zigzag-8",
            {"model.scan": "zigzag-8"},
            {
                "256 FID": 45.5,
                "256 FDD": 26.4,
                "256 KID": 0.011,
                "512 FID": 34.9,
                "512 FDD": 29.5,
                "512 KID": 0.023,
            },
        ),
    ),
    scales={"tiny": {"digits-8": TINY}},
)
