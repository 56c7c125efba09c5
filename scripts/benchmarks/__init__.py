"""What `scripts/bench.py` measures: rows of ours against references written as their users write them."""
