"""The compatibility suite: what an author has checked before an extension is given to others."""
