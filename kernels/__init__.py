"""GPU kernels, one folder an operation. Importing this package imports neither torch nor triton."""
