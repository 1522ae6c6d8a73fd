"""Remake the weights of the digits extractor: python -m zigma.metrics.train_digits [--output FILE]

The result depends on the machine's arithmetic in its last bits, which is why the weights ship with the package.
"""

from pathlib import Path

from zigma.common.files import save_tensors, sha256_of
from zigma.common.program import print_anywhere
from zigma.common.words import Parser
from zigma.metrics.weights import WEIGHTS

SHIPPED = Path(__file__).parent / WEIGHTS["digits"].filename


def main(argv: list[str] | None = None) -> None:
    print_anywhere()
    parser = Parser(
        prog="python -m zigma.metrics.train_digits",
        description="Remake the weights of the digits extractor.",
        epilog="example: python -m zigma.metrics.train_digits --output /tmp/digits.safetensors",
    )
    parser.add_argument(
        "--output", type=Path, default=SHIPPED, help="file to write (default: the shipped one)"
    )
    output: Path = parser.parse_args(argv).output
    if not output.parent.is_dir():
        parser.error(f"no folder {output.parent} for the file")
    _remake(output)


def _remake(output: Path) -> None:
    import torch  # here, so that --help needs none

    from zigma.metrics.extractors.digits_training import accuracy, digits_split, train

    before = sha256_of(SHIPPED) if SHIPPED.is_file() else None
    torch.set_num_threads(1)  # the order of a sum is part of its last bits
    training, held_out = digits_split()
    network = train(*training)
    save_tensors(output, network.state_dict())  # without metadata, whose order, and so the hash, is random
    after = sha256_of(output)
    print(f"accuracy: train {accuracy(network, *training):.4f}, held-out {accuracy(network, *held_out):.4f}")
    print(f"sha256 {after}, {'unchanged' if after == before else f'not the {before} from before'}: {output}")


if __name__ == "__main__":
    main()
