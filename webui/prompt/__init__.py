"""The prompt language, without torch: from a person's text to rows of tokens."""
