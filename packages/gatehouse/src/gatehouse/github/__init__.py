"""Pull requests on GitHub: what the workflows run, and the settings that they rest on."""
