"""The paper's comparison in one command: a recipe becomes steps, each a command of lstdata, run one after another."""
