# What .ci/run does, in pieces. `make main` and `make test` are README's two commands.
.PHONY: main test oldest lint

main:
	sh .ci/readme-command 1
test:
	sh .ci/readme-command 2
oldest:
	bash .ci/oldest
lint:
	ruff check && ruff format --check && mypy
