"""Measures the kernels: right first, then fast. `python -m kernels.bench`, described in docs/benchmarks/kernels.md.

On a GPU every contender that claims to be exact is held to the reference in float64 before it is timed. On a CPU nothing
is timed: what is counted and what is compared doesn't depend on the machine, speed does.
"""
