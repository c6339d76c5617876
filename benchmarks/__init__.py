"""What Podium costs, each figure beside a floor or a rival taken in the same run: `python -m benchmarks [NAME…]`."""
