"""GPU kernels, one folder an operation. Importing this package imports neither torch nor triton."""

# The product's version, read from here by pyproject.toml. transformers looks for a library named `kernels`, finds this
# package, and compares its version, in a checkout by this attribute: a calendar version lies beyond every version of
# that library, so transformers leaves us alone, where a version of ours below 1.0 could have passed for it.
__version__ = "2026.11.1"
