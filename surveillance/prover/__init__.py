"""The second prover: what must be due by when and who can see it, from raw facts and without the planner's code."""
