from flowledger.infrastructure.interfaces.cli import main

main()
