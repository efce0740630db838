"""The demo corpus: simulated eye-surgery videos, and the script that renders them."""
