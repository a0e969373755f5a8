from flowledger.infrastructure.cli import main

main()
