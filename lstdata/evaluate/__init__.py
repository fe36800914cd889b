"""Does it do what the paper says: scores of endings, their intervals, and the comparison of runs."""
