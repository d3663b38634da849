"""May this mail be answered by a machine? Values in, a verdict out."""
