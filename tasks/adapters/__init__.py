"""One outside system per file: typed, every call time-limited, errors translated here and only here."""
