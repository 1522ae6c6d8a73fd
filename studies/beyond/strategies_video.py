"""Beyond the paper: the scan strategies of published networks for video, beside the paper's factorised one."""

from studies.declare.scales import DESK_VIDEO, PAPER_VIDEO, SMALL_VIDEO, TINY_VIDEO
from studies.declare.study import Arm, Study

PUBLISHED = {
    "videomamba": "VideoMamba, arXiv 2403.06977: there and back through frame after frame",
    "videomamba-temporal-first": "VideoMamba, arXiv 2403.06977: there and back through place after place",
    "mamba-nd-video": "Mamba-ND, arXiv 2402.05892: three orders of the axes over the layers, there and back",
}

STUDY = Study(
    name="strategies_video",
    shows="beyond",
    title="The scan strategies of published networks for video",
    arms=(
        Arm("sst", {"model.scan": "video-sst"}),
        *(Arm(name, {"model.scan": name}) for name in PUBLISHED),
    ),
    scales={
        "tiny": {"moving-digits-16": TINY_VIDEO},
        "desk": {"moving-digits-16": DESK_VIDEO},
        "small": {"moving-digits-32": SMALL_VIDEO},
        "paper": {"ucf101-256": PAPER_VIDEO},
    },
    notes=tuple(f"{name}: {source}" for name, source in PUBLISHED.items()),
)
