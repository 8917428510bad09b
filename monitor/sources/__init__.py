"""Where blocks come from: scopes over SCPI, captures, replay."""
