"""Which experts each token uses, and how much of each."""

from kernels.router.reference import chosen, route, weigh

__all__ = ["chosen", "route", "weigh"]
