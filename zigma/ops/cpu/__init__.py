"""Kernels for the processor, compiled by numba on first use (a few seconds, kept between processes).

compile, simd, math, tasks, threads: what kernels are made of. scan, conv, norm: the operators; beside each its loops.
"""
