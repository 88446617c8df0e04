"""What all packages stand on: the project and its files, git, DVC's cache, the operating system."""
