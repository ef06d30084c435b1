"""From recorded facts of a plan to its rows, proposals and messages; and what a change would bring."""
