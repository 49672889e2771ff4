# saisine. The two commands: make demo, make test.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

# Words for the program: make demo ARGS=--once
ARGS ?=
# Where one's own configuration lies, for make run.
CONFIG ?= saisine.yaml

# With this Go, the newest of its line, the package is built; go.mod asks for it too, where
# GOTOOLCHAIN lets it.
TOOLCHAIN := go1.26.11

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# sqlite_fts5 is for the desk's full-text search; one set of tags keeps one build cache.
TAGS := sqlite_fts5
GO_BUILD := go build -tags $(TAGS) -ldflags "-X main.version=$(VERSION)"
GO_TEST := go test -tags $(TAGS)
SOURCES := $(shell find cmd ingest channels ocr queue config -type f -not -name '*_test.go' -not -path '*/testdata/*') go.mod go.sum

TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/saisine-tools
LINT_VERSION := v2.15.0
LINT := $(TOOLS)/golangci-lint-$(LINT_VERSION)
NFPM_VERSION := v2.45.1
NFPM := $(TOOLS)/nfpm-$(NFPM_VERSION)

DEB_VERSION = $(shell packaging/version '$(VERSION)')
DEB = bin/saisine_$(DEB_VERSION)_$(shell dpkg --print-architecture).deb

.PHONY: demo test test-long test-engines vuln run build lint bench bench-mail bench-form bench-ocr bench-match bench-desk bench-nodes bench-write eval eval-ocr test-faults soak screenshots fuzz packages packages-test packages-bench-ocr packages-eval packages-deb packages-test-deb packages-test-kernel deb test-deb test-kernel clean

## demo: a sample town: mails, scans and forms become requests (ARGS=--once to end by itself)
demo: build
	@bin/saisine demo $(ARGS)

# The race detector makes tests five to ten times slower, so here it watches where goroutines meet:
# RACED are the packages that are made of them (what starts one and is in neither list is told by
# `make raced`, a part of test). In WATCHED most tests look at a town from outside,
# at one row after another or at pixels: MEETING names those in which much meets, in one process or
# in a daemon with testBuild.
RACED := channels channels/api channels/desk/credentials channels/mailbox channels/open311 channels/rate channels/scanfolder channels/webform \
  ingest/antivirus ingest/deliver ingest/deliver/webhook ingest/deliver/handover/rt ingest/deliver/handover/sftp ingest/lease ocr/child queue
TOWNHALLS := cmd/saisine ingest/store
WATCHED := $(TOWNHALLS) ingest/classify ingest/classify/model ocr
MEETING := Lock ClassifyWhileTraining FollowKeepsTheMind FollowAfterTheClock LockEndsWithTheContext Later TrainDeterministic ModelConcurrent
MEETING += TakeStep AfterTheLockWasNotHad LongGroupLetsOthersIn TwoNodesOnOneRow MakeMailKeepsTheFirstBytes \
  MovesAtOnce PostgresKilled PostgresSeveralNodes PostgresStoppedWriter RegisterIsGapless AnswerOnce S3KilledUnderLoad \
  SoundLogBesideWriters ConcurrentTwinsAreOneRequest FilingIsNotStarved GroupCommitIsolatesFaults NobodyWaitsForOthersPatience
MEETING += ThreeChannelsBecomeRequests FiveHundredMails RedisFaultsUnderLoad APIFromEndToEnd AppsReport ReceiptOfAMail \
  MailRoom WebhooksReachAReceiverThatLosesAnswers VirusesAreHeld ReloadInTheHouse TwinsAreOneRequest Pulse \
  PulseWithoutRedis Feed CounterIsQuick OnePictureForAll StatusActs
MEETING += PatientJobsWait OneWorkerTakesPatientJobs ReadingGoesBeforeCopies CopyErrors ReadErrors DocumentsTakeTurns \
  PicturesWaitForNoReading FaultCostsOnePage DocumentTimeoutKeepsPages ChildIsConfined
space := $(subst ,, )
MEET := ^Test($(subst $(space),|,$(strip $(MEETING))))$$

## test: everything that must hold before a change is kept
test: packages-test lint raced
	@$(MAKE) --no-print-directory -j3 test-raced test-watched test-plain

# These serve tests.
UNRACED := channels/desk/xss ingest/servertest ingest/store/postgrestest
.PHONY: raced
raced:
	@for p in $$(grep -rlE '\bgo [a-z][A-Za-z.]*\(|\.Go\(' --include='*.go' --exclude='*_test.go' channels cmd config ingest ocr queue | xargs -n1 dirname | sort -u); do \
	  case " $(RACED) $(WATCHED) $(UNRACED) " in *" $$p "*) ;; *) echo "$$p starts goroutines: name it in RACED or UNRACED of the Makefile." >&2; exit 2;; esac; done
	@for t in $(MEETING); do grep -rqE "^func Test$$t\(" --include='*_test.go' $(WATCHED) || \
	  { echo "There is no Test$$t: take it out of MEETING in the Makefile, or give its new name." >&2; exit 2; }; done

# Side by side: towns wait more than they compute. What lint looks for, vet need not.
TEST := $(GO_TEST) -vet=off -shuffle=on
.PHONY: test-raced test-watched test-plain
test-raced:
	$(TEST) -p 1 -race -timeout 20m $(RACED:%=./%)
	$(TEST) -p 1 -race -timeout 20m -run '$(MEET)' $(WATCHED:%=./%)
test-watched:
	$(TEST) -p 1 -parallel 4 -timeout 30m -skip '$(MEET)' $(TOWNHALLS:%=./%)
test-plain:
	$(TEST) -p 1 -timeout 20m -skip '$(MEET)' $(patsubst %,./%,$(filter-out $(TOWNHALLS),$(WATCHED)))
	$(TEST) -p 1 -timeout 20m $$(go list -tags $(TAGS) ./... | grep -vxF $(patsubst %,-e saisine.fr/saisine/%,$(RACED) $(WATCHED)))

## test-long: whole what make test runs a part of: the series of scanned pages, hostile texts and files, the hand-over to RT
test-long: packages-test
	GO_TEST_LONG=1 $(GO_TEST) -count=1 -timeout 60m ./ocr ./ocr/patch
	GO_TEST_LONG=1 $(GO_TEST) -count=1 -timeout 60m -run '^Test(Bombs|NothingForeignRuns|RequestTrackerTakesOver)$$' ./cmd/saisine

# Whole towns on the engines of those who have outgrown one machine: mail, paper, the desk, kills.
TOWNS := ^Test(StatusActs|MailRoom|ReceiptOfAMail|AgentAnswersAMail|LettersOfAStack|NothingSealedLeaks|RequestActs|KillAtInterfaces|FiveHundredMails|Export)$$

## test-engines: the tests of the store, and whole towns, on each pair of PostgreSQL or SQLite, S3 or files
test-engines: packages-test
	GO_TEST_DATABASE=postgres $(GO_TEST) -count=1 -timeout 20m ./ingest/store
	GO_TEST_DATABASE=postgres $(GO_TEST) -count=1 -timeout 20m -parallel 3 -run '$(TOWNS)' ./cmd/saisine
	GO_TEST_ORIGINALS=s3 $(GO_TEST) -count=1 -timeout 20m -parallel 3 -run '$(TOWNS)' ./cmd/saisine
	GO_TEST_DATABASE=postgres GO_TEST_ORIGINALS=s3 $(GO_TEST) -count=1 -timeout 20m -parallel 3 -run '$(TOWNS)' ./cmd/saisine

## run: the daemon with your own configuration (CONFIG=saisine.yaml)
run: build
	@[ -f "$(CONFIG)" ] || { bin/saisine init "$(CONFIG)"; echo "Fill in $(CONFIG), then run make run again." >&2; exit 2; }
	@exec bin/saisine serve --config "$(CONFIG)" $(ARGS)

build: packages bin/saisine

bin/saisine: $(SOURCES)
	@mkdir -p bin
	$(GO_BUILD) -o $@ ./cmd/saisine

lint: packages $(LINT)
	@$(LINT) run --build-tags $(TAGS) ./...

$(LINT):
	@mkdir -p $(TOOLS)
	@echo "Building golangci-lint $(LINT_VERSION), once"
	@tmp=$$(mktemp -d) && GOBIN=$$tmp go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && mv $$tmp/golangci-lint $@ && rm -r $$tmp

## vuln: known vulnerabilities in what the program calls (govulncheck); the database comes as a Go module
VULN_VERSION := v1.9.0
VULN := $(TOOLS)/govulncheck-$(VULN_VERSION)
vuln deb: export GOTOOLCHAIN := $(TOOLCHAIN)
vuln: packages $(VULN)
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && GOBIN=$$tmp go install golang.org/x/vulndb/cmd/indexdb@latest && \
	  data=$$(go mod download -json golang.org/x/vulndb@latest | sed -n 's/^.*"Dir": "\(.*\)".*$$/\1/p') && \
	  "$$tmp/indexdb" -vulns "$$data/data/osv" -out "$$tmp/db" && $(VULN) -db "file://$$tmp/db" -tags $(TAGS) ./cmd/saisine

$(VULN):
	@mkdir -p $(TOOLS)
	@tmp=$$(mktemp -d) && GOBIN=$$tmp go install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION) && mv $$tmp/govulncheck $@ && rm -r $$tmp

## deb: the Debian package, as bin/saisine_VERSION_ARCHITECTURE.deb
deb: packages-deb $(NFPM)
	@mkdir -p bin/deb
	go build -tags $(TAGS) -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/deb/saisine ./cmd/saisine
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) packaging/build bin/deb/saisine '$(DEB_VERSION)' $(NFPM) bin
	@systemd-analyze security --offline=true --threshold=15 packaging/saisine.service >/dev/null || { echo "packaging/saisine.service is less shut in than 1.5 of systemd-analyze security" >&2; exit 1; }
	@echo "$(DEB)"

$(NFPM):
	@mkdir -p $(TOOLS)
	@echo "Building nfpm $(NFPM_VERSION), once"
	@tmp=$$(mktemp -d) && GOBIN=$$tmp go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION) && mv $$tmp/nfpm $@ && rm -r $$tmp

## test-deb: installs, upgrades, removes and purges the package in a Debian of its own, and measures the way to a first request; as root
test-deb: packages-test-deb deb
	$(MAKE) --no-print-directory deb VERSION=0.0.1 DEB_VERSION=0~0.1
	packaging/test bin/saisine_0~0.1_*.deb $(DEB)

## test-kernel: the package, shut in by its unit, and the reading children on Debian's own kernel, in an emulated machine; as root; a quarter of an hour
test-kernel: packages-test-kernel deb
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && for p in ocr/sandbox ocr; do \
	  go test -tags $(TAGS) -c -o "$$tmp/$$(basename $$p)" ./$$p || exit; done && packaging/test-kernel $(DEB) "$$tmp/sandbox" "$$tmp/ocr"

## test-faults: each fault as often as docs/reliability.md says, on the program as a town has it; its lines go to bin/faults-report.md; an hour (FAULT_KILLS=20 at each crash point)
FAULT_KILLS ?= 20
# How many nodes are struck, one after another, in the town that has three.
FLEET_ROUNDS ?= 20
FAULTS := ^Test(Kill|RandomKills|RedisFaults|RedisFails|Resumes|Disk|FiveHundred|ThousandReceipts|PowerCut|FsyncReallyFails|SystemCallsFail|Database|DamagedDatabase)
test-faults: packages-test
	@mkdir -p bin
	@printf '# Faults, %s, %s, %s cores, %s\n\n' "$(VERSION)" "$$(date -u +%F)" "$$(nproc)" "$$(. /etc/os-release; echo "$$PRETTY_NAME"), Linux $$(uname -r)" > bin/faults-report.md
	$(GO_TEST) -count=1 -parallel 3 -timeout 12h -run '$(FAULTS)' ./cmd/saisine -receipts.mails=200 \
	  -faults.full -faults.kills $(FAULT_KILLS) -faults.report $(CURDIR)/bin/faults-report.md
	$(GO_TEST) -count=1 -timeout 40m -run '^Test(Network|ServerFaults)' ./channels/mailbox $(FAULTS_REPORT)
	$(GO_TEST) -count=1 -timeout 20m -run '^Test(Copiers|ClockSetBack)' ./channels/scanfolder $(FAULTS_REPORT)
	$(GO_TEST) -count=1 -timeout 40m -run '^Test(MailServer|ClockJumpsUnderWay)' ./cmd/saisine $(FAULTS_REPORT)
	$(GO_TEST) -count=1 -v -timeout 60m -run '^Test(ThreeNodes|NodesAtRandom)' ./cmd/saisine -fleet.rounds=$(FLEET_ROUNDS)
	@cat bin/faults-report.md

# One line for each fault; tests add theirs.
FAULTS_REPORT := -faults.full -faults.report=$(CURDIR)/bin/faults-report.md

## soak: SOAK_DAYS days of a town in simulated time, with faults and a count at each midnight; a quarter of an hour (SOAK_SEED)
SOAK_DAYS ?= 7
SOAK_SEED ?= 8
soak: packages-test
	@mkdir -p bin
	$(GO_TEST) -count=1 -v -timeout 60m -run '^TestSoak$$' ./cmd/saisine -soak.days=$(SOAK_DAYS) -soak.seed=$(SOAK_SEED) -soak.hour=2s $(FAULTS_REPORT)

## screenshots: a clerk's day and every page of the desk, in each look, as pictures under bin/screenshots
screenshots: packages-test build
	@mkdir -p bin/screenshots
	GO_TEST_SCREENSHOTS=$(CURDIR)/bin/screenshots $(GO_TEST) -count=1 -timeout 20m -run 'TestClerksDay|TestEveryPageForEverybody' ./cmd/saisine

## fuzz: every fuzz target for FUZZTIME each
FUZZTIME ?= 5m
fuzz: packages-test
	@for pkg in $$(go list -tags $(TAGS) ./...); do \
	  for target in $$($(GO_TEST) -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO_TEST) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$pkg; \
	  done; \
	done

packages:
	@.ci/packages build

packages-test:
	@.ci/packages test

packages-bench-ocr:
	@.ci/packages bench-ocr

packages-eval:
	@.ci/packages eval

packages-deb:
	@.ci/packages deb

packages-test-deb:
	@.ci/packages test-deb

clean:
	rm -rf bin

## bench: the figures of docs/performance.md, each beside its baseline
bench: bench-mail bench-form

BENCH := GO_TEST_SAISINE_BINARY=$(CURDIR)/bin/saisine $(GO_TEST) -count=1 -v -timeout 30m ./cmd/saisine

bench-mail: packages-test build
	$(BENCH) -run 'TestBenchMailIntake|TestBenchIdle' -bench.mails=5000 -bench.more=20000 -bench.idle=21

bench-form: packages-test build
	$(BENCH) -run TestBenchFormPosts -bench.posts=20000 -bench.rounds=5

## bench-match: look-ups and insertions of matching among MATCH_DOCS stored submissions, in SQLite and PostgreSQL; ten minutes
MATCH_DOCS ?= 1000000
MATCH_TRIES ?= 5000
bench-match: packages-test
	$(GO_TEST) -count=1 -v -timeout 3h ./ingest/store -run TestBenchMatch -bench.docs=$(MATCH_DOCS) -bench.tries=$(MATCH_TRIES)

## bench-write: what the safety of the writing connection costs (overwriting what is deleted, the looks at the database's files); three minutes
bench-write: packages-test
	$(GO_TEST) -count=1 -v -timeout 60m ./ingest/store -run TestBenchWriting -bench.writes=2000 -bench.writerounds=7

## bench-nodes: mails and scanned pages with one, two and three nodes on one PostgreSQL and one Redis, what each costs, and what the write lock lets through
FLEET_MAILS ?= 2000
FLEET_PAGES ?= 24
bench-nodes: packages-test build
	$(BENCH) -run TestBenchNodes -timeout 3h -fleet.mails=$(FLEET_MAILS) -fleet.pages=$(FLEET_PAGES)

## bench-desk: lists, searches and pages of the desk among DESK_REQUESTS requests, a share DESK_OPEN of them open; a quarter of an hour, most of it filling
DESK_REQUESTS ?= 200000
DESK_OPEN ?= 0.1
DESK_ASKED ?= 60
bench-desk: packages-test build
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	  $(GO_TEST) -count=1 -v -timeout 60m ./ingest/store -run TestBenchDesk -bench.requests=$(DESK_REQUESTS) -bench.open=$(DESK_OPEN) -bench.asked=$(DESK_ASKED) -bench.dir="$$dir" && \
	  $(BENCH) -run TestBenchDeskPages -bench.deskdata="$$dir"

# Letters with their true texts: scans/NAME.VARIANT.pdf beside scans/NAME.txt.
EVALUATION ?= ../shared/evaluation

## eval: how well the texts and the stream of EVALUATION are understood, scikit-learn on the same texts beside it
# Debian's python3 has scikit-learn; another one first on the PATH may not.
eval: packages-eval build
	@[ -f "$(EVALUATION)/requests-dev.jsonl" ] || { echo "There is no $(EVALUATION)/requests-dev.jsonl: say make eval EVALUATION=FOLDER." >&2; exit 2; }
	@/usr/bin/python3 ingest/classify/testdata/eval_table.py bin/saisine ingest/classify/texts "$(EVALUATION)/requests-dev.jsonl"
	@if [ -f "$(EVALUATION)/stream-dev.jsonl" ]; then echo; echo "The stream:"; bin/saisine evaluate --stream "$(EVALUATION)/stream-dev.jsonl"; fi

## eval-ocr: character error rates on the scans of EVALUATION, plain tesseract beside them; and a noise series
eval-ocr: packages-test
	@[ -d "$(EVALUATION)/scans" ] || { echo "There is no $(EVALUATION)/scans: say make eval-ocr EVALUATION=FOLDER." >&2; exit 2; }
	SAISINE_EVALUATION=$(abspath $(EVALUATION)) SAISINE_EVALUATION_PLAIN=1 $(GO_TEST) -count=1 -v -timeout 120m -run '^(TestEvaluation|TestNoNoisyPagePassesAsSure)$$' ./ocr

## bench-ocr: whole PDFs to text, pages a minute, beside plain tesseract and ocrmypdf; half an hour (OCR_PAGES, OCR_ROUNDS)
OCR_PAGES ?= 36
OCR_ROUNDS ?= 2
bench-ocr: packages-bench-ocr build
	SAISINE_EVALUATION=$(abspath $(EVALUATION)) GO_TEST_SAISINE_BINARY=$(CURDIR)/bin/saisine $(GO_TEST) -count=1 -v -timeout 8h ./cmd/saisine \
	  -run TestBenchOCR -bench.pages=$(OCR_PAGES) -bench.ocrrounds=$(OCR_ROUNDS)
