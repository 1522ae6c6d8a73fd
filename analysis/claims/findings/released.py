"""What the released code says, line by line: read as text from a checkout that the user has, never imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = "https://github.com/CompVis/zigma"
COMMIT = "37d837b"


@dataclass(frozen=True)
class Line:
    """A pattern (MULTILINE) that a file of the released code has, or `absent`, has not."""

    file: str
    pattern: str
    says: str
    absent: bool = False

    def find(self, checkout: Path) -> tuple[bool, str]:
        """Whether the file says so, and where.

        Raises:
            FileNotFoundError: the checkout has no such file.
        """
        path = checkout / self.file
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: --released takes a checkout of {REPOSITORY} at {COMMIT}"
            )
        text = path.read_text(encoding="utf-8", errors="replace")
        match = re.search(self.pattern, text, flags=re.MULTILINE)
        if match is None:
            return self.absent, f"{self.file}: no line for it"
        number = text.count("\n", 0, match.start()) + 1
        return not self.absent, f"{self.file}:{number}: {match[0].strip().splitlines()[0].strip()}"


SWAPPED = r"time_zz_paths = \[time_p, time_n\] \* depth\s+time_zz_paths_reverse = \[time_n, time_p\]"
AFTER = r"opt\.step\(\)\n(?:.*\n){0,3}\s*grad_clip\("
NOISE = r"except Exception as e:\n.*\n\s*samples = torch\.rand_like\(_zs\)"
TRAINED_ON = r"^validation:\n\s+shards: 'train-"
BLOCK = "dis_mamba/mamba_ssm/modules/mamba_simple.py"
LINES: dict[str, tuple[Line, ...]] = {
    "R1": (
        Line("utils/utils_zigzag.py", r"def hilbert_path\(", "the rank of each cell on the curve"),
        Line("model_zigma.py", r"_zz_paths = hilbert_path\(", "is used as the order to gather tokens in"),
    ),
    "R2": (
        Line("model_zigma.py", r'scan_type\.startswith\("zzvideo_"\)', "the model wants zzvideo_"),
        Line(BLOCK, r'or scan_type\.startswith\("video_"\)', "its block accepts video_"),
        Line(BLOCK, r"zzvideo_", "and not zzvideo_", absent=True),
        Line("model_zigma.py", SWAPPED, "orders [p, n] with inverses [n, p]"),
    ),
    "R3": (
        Line(BLOCK, r"parallel_num = int\(", "parallelN makes parameters"),
        Line(
            BLOCK, r"elif self\.scan_type\.startswith\(.parallelN", "and has no forward branch", absent=True
        ),
        Line("model_zigma.py", r"self\.pos_embed_list = \[", "position embedding 3 is a plain list"),
    ),
    "R4": (Line("train_acc.py", AFTER, "gradients are clipped after the step"),),
    "R5": (
        Line("train_acc.py", NOISE, "a sampler that raises becomes uniform noise"),
        Line(
            "train_acc.py", r"min\(args\.data\.sample_fid_n, 1_000\)", "with 32 GPUs or more, 1,000 samples"
        ),
        Line("train_acc.py", r"best_fid = min\(fid, best_fid\)", "the best checkpoint's FID"),
    ),
    "R6": (
        Line("train_acc.py", r"yield out2img\(data\[.image.\]\)", "training: against images of the data set"),
        Line("sample_acc.py", r"gts = vae\.decode\(", "sampling: against the autoencoder's reconstructions"),
        Line(
            "utils/torchmetric_fdd.py",
            r"image = image\.to\(torch\.float\)\s+return TF\.Normalize",
            "FDD: 0 to 255",
        ),
        Line("utils/torchmetric_fvd.py", r"rescale=False", "FVD: no rescaling"),
        Line("config/data/celebamm256.yaml", TRAINED_ON, "MultiModal-CelebA: validation on training shards"),
        Line("config/data/coco.yaml", TRAINED_ON, "MS-COCO: the same"),
        Line("config/data/facehq_1024.yaml", TRAINED_ON, "FacesHQ: not so", absent=True),
    ),
}
