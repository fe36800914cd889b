"""From a finished run folder to packed rows: order, drawing and packing are functions of (seed, row number)."""
