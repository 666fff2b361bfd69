"""Pull requests on GitHub: the workflows' code, and the settings that the workflows need."""
