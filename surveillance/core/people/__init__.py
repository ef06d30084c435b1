"""Who somebody is: found, likened to others, signed in from elsewhere; and what a patient's care may lack."""
