"""Files of weights, known without torch and without opening a pickle: headers, and whose they are."""
