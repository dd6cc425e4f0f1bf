"""The compiler, in one place, and the kernels that are repeated a million times."""
