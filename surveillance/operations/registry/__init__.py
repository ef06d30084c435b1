"""Who is on record, how to reach them and with whose word. Ask it to register, find, and judge numbers and consents."""
