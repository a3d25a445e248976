"""``python -m jubako``, where the console command is not installed."""

from jubako.cli import main

if __name__ == "__main__":
    main()
