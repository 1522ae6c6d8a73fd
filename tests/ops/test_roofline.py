"""The count that a measured time is judged by."""

import pytest

from zigma.ops.triton import roofline


def test_the_table_in_the_module_is_what_it_counts() -> None:
    forward, backward = roofline.least(16, 1024, 1536, 16)
    rows = {line.split()[0]: line.split() for line in (roofline.__doc__ or "").splitlines() if "GB" in line}
    for name, cost in (("forward", forward), ("backward", backward)):
        numbers = [float(word) for word in rows[name][1:14] if word.replace(".", "").isdecimal()]
        times = cost.least_ms()
        expected = [
            cost.bytes / 1e9, times["bytes"], cost.exponentials / 1e9, times["exponentials"],
            cost.operations / 1e9, times["operations"], max(times.values()),
        ]  # fmt: skip
        assert numbers[:7] == pytest.approx(expected, abs=0.051, rel=0.03)


def test_the_kernels_spend_more_than_the_least() -> None:
    for least, spent in zip(roofline.least(2, 64, 64, 16), roofline.kernels(2, 64, 64, 16), strict=True):
        assert spent.bytes > least.bytes
        assert spent.exponentials > least.exponentials
        assert spent.operations > least.operations
