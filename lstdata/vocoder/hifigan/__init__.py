"""Unit HiFi-GAN: checkpoints that were trained to speak units (arXiv 2104.00355, 2010.05646)."""
