"""Training on fairseq2: configuration, reader, recipe, and the baselines that a loss is read beside."""

from lstdata.train.config import TrainConfig as TrainConfig
from lstdata.train.run import train as train
