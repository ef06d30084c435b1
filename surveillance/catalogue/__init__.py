"""Data that people write and review as YAML files: protocols, reminder policies, messages.

Every refusal names the file, the line and how to mend it.
"""
