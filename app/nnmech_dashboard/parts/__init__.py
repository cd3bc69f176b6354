"""What pages share: a panel with its exports, words and notes as escaped HTML, colours of a light and a dark page."""
