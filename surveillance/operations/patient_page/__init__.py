"""What a patient's own page shows, and what the patient may do there."""
