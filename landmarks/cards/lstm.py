"""What landmarks says of LSTM and its paper."""
from __future__ import annotations
from landmarks.claims import Claim
from landmarks.milestone import Card
CARD = Card("Long short-term memory", "x", "y", Claim("S15a", "says", "test/sequences_mean", 31390, "Table 9", "seen", "sequences", kind="time"))
def claim_of(config): return None
def concluded(config, metrics, claim): return str(metrics)
