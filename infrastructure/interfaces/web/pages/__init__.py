"""The pages, one module each. `registry` knows all."""
