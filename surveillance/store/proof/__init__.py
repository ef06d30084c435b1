"""What must never be, as queries; the results of proofs; signs of life."""
