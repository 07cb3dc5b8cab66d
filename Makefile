# make run      builds Stockade and runs it in the foreground, everything it keeps in ./run
#               CONF=DIR   with the configuration in DIR over the built-in library
# make test     all tests, in under ten minutes; INSTALL=1 (or CI=true) installs what they need
# make build    bin/stockade, and its links fail2ban-server, -client and -regex
# make compare  the long comparisons with Fail2ban, and the race detector (needs cgo); under 45 minutes
# make bench    speed, memory and time to a ban, beside Fail2ban, grep and sshguard
# make profile  the profile that the compiler uses, from the logs of make bench
# make packages .deb, .rpm, .apk, tarballs and an OCI image, all in dist/
# make install  into this system, or below DESTDIR, with PREFIX (default /usr/local)
# make fuzz     each fuzz target for FUZZTIME (default 30s)
# make soak     by hand: the kernel tests on Debian's own kernel, fuzzing for long, then the comparisons at full length
# make lint     go vet, staticcheck, gofumpt, and builds for FreeBSD and macOS

GO       ?= go
FUZZTIME ?= 30s

# The tools are pinned so that everybody sees the same findings.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0

# The packages with goroutines; the others are plain values, which the race detector only slows down.
RACED = ./internal/action ./internal/api ./internal/control ./internal/event ./internal/ignore \
	./internal/jail ./internal/logbook ./internal/mail ./internal/netfilter ./internal/python ./internal/server \
	./internal/source/... ./internal/store ./internal/whois

export CGO_ENABLED = 0

.PHONY: help run build test compare bench profile fuzz soak lint docs packages install clean

help:
	@sed -n "1,13s/^# \{0,1\}//p" Makefile

build:
	$(GO) build -trimpath -ldflags='-s -w' -o bin/stockade ./cmd/stockade
	@for name in server client regex; do ln -sf stockade bin/fail2ban-$$name; done

# Without CONF the configuration is ./run/etc, which begins with one jail.
CONF ?= ./run/etc

run: build
	@if [ '$(CONF)' = ./run/etc ] && [ ! -e ./run/etc/jail.local ]; then \
		mkdir -p ./run/etc && printf '[sshd]\nenabled = true\n' >./run/etc/jail.local; \
	fi
	@bin/stockade run --dir ./run --conf '$(CONF)'

test:
	@scripts/test-needs
	@cd packaging/image && $(GO) test .
	@scripts/run-tests -timeout 9m ./...

compare:
	@scripts/test-needs
	@STOCKADE_FULL=1 scripts/run-tests -timeout 30m ./...
	@CGO_ENABLED=1 scripts/run-tests -race -timeout 20m $(RACED)

bench:
	@$(GO) test -tags bench -count=1 -timeout 60m -v -run 'TestSpeed|TestCost' ./test ./internal/pyre | grep -v -e '^ *---' -e '^==='

# The compiler lays the program out by what it does most (go.dev/doc/pgo): the
# profile is taken anew when the way of a line through the program has changed.
profile:
	@STOCKADE_PROFILE='$(CURDIR)/cmd/stockade/default.pgo' $(GO) test -tags bench -count=1 -timeout 30m -run TestProfileOfTheServer ./test

fuzz:
	@scripts/fuzz $(FUZZTIME)

soak:
	@scripts/netfilter-vm
	@scripts/fuzz 10m
	@STOCKADE_FULL=1 STOCKADE_SOAK=1 scripts/run-tests -timeout 8h ./...

lint:
	$(GO) vet ./...
	$(GO) vet -tags bench ./test/... ./internal/pyre
	$(GO) run $(STATICCHECK) ./...
	@files=$$($(GO) run $(GOFUMPT) -l .) && { test -z "$$files" || { echo "not gofumpt-clean:"; echo "$$files"; exit 1; }; }
	GOOS=freebsd $(GO) build -pgo=off ./...
	GOOS=darwin $(GO) build -pgo=off ./...
	cd packaging/image && $(GO) vet .
	@scripts/compatibility | diff -u docs/compatibility.md - || { echo "docs/compatibility.md is not current: make docs"; exit 1; }

# One page of the deliberate differences, from the notes beside each package.
docs:
	@scripts/compatibility >docs/compatibility.md

packages:
	@scripts/packages

# For those who build from source: what a package has, with the library as configuration files.
PREFIX ?= /usr/local
UNITS  ?= /etc/systemd/system

install: build
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(UNITS)' '$(DESTDIR)$(PREFIX)/share/man/man1' '$(DESTDIR)$(PREFIX)/share/man/man5' \
		'$(DESTDIR)/etc/bash_completion.d' '$(DESTDIR)/etc/logrotate.d' '$(DESTDIR)/var/lib/fail2ban'
	install -m 755 bin/stockade '$(DESTDIR)$(PREFIX)/bin/'
	for name in client server regex; do ln -sf stockade "$(DESTDIR)$(PREFIX)/bin/fail2ban-$$name"; done
	sed 's#/usr/bin/#$(PREFIX)/bin/#' packaging/systemd/stockade.service >'$(DESTDIR)$(UNITS)/stockade.service'
	bin/stockade __man bin/man
	install -m 644 bin/man/*.1 '$(DESTDIR)$(PREFIX)/share/man/man1/'
	install -m 644 bin/man/*.5 '$(DESTDIR)$(PREFIX)/share/man/man5/'
	bin/stockade completion bash >'$(DESTDIR)/etc/bash_completion.d/stockade'
	test -e '$(DESTDIR)/etc/logrotate.d/fail2ban' || install -m 644 packaging/init/logrotate '$(DESTDIR)/etc/logrotate.d/fail2ban'
	bin/stockade library export '$(DESTDIR)/etc/fail2ban'

clean:
	rm -rf bin dist
