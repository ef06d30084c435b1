"""Reading only: a patient, a plan, a day, and why things are as they are."""
