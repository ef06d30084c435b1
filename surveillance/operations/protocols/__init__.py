"""Which protocol versions a site may use."""
