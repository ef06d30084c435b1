"""Whether and when a message goes out: policy, planning, caps, the last look, what follows a failure (section 4)."""
