# Commands that there aren't

pipeline
pipeline frobnicate
pipeline rnu "Count the last page"
pipeline Run "Count the last page"
pipeline "Count the last page"
pipeline run --new --budgte 2.00 "Count the last page"
pipeline --verbos runs
pipeline help nothing
pipeline run --color blue --new "Count the last page"

# Tasks

pipeline run
pipeline run --new
pipeline run --new ""
pipeline run --new "   "
pipeline run --new Count the last page
pipeline run --new --task-file nowhere.md
pipeline run --new --task-file empty.md
pipeline run --new --task-file empty
pipeline run --new --task-file latin.md
pipeline run --new --task-file file.txt "Count the last page"
pipeline run --new --task-file
pipeline run --new --github owner
pipeline run --draft "Count the last page"
pipeline run --new --push "Count the last page"
pipeline run --new --comment "Count the last page"
pipeline run --pr-feedback owner/repo
pipeline run --pr-feedback owner/repo#45 --github owner/repo#7
pipeline run --new --github owner/repo
pipeline run --new --github owner/repo#0
pipeline run --new --github owner/repo#seven
pipeline run --new --github https://github.com/owner/repo/pull/3
pipeline run --new --github https://elsewhere.test/owner/repo/issues/3
pipeline run --new --github https://github.com/owner/repo
pipeline run --new --jira ABC-1
JIRA_BASE_URL=https://jira.test pipeline run --new --jira ABC-1
JIRA_BASE_URL=https://jira.test JIRA_EMAIL=me@example.org JIRA_API_TOKEN=t pipeline run --new --jira ABC
JIRA_BASE_URL=http://jira.test JIRA_EMAIL=me@example.org JIRA_API_TOKEN=t pipeline run --new --jira ABC-1
GITHUB_API_URL=nonsense pipeline run --new --github owner/repo#7
GITHUB_API_URL=http://github.test/api/v3 pipeline run --new --github owner/repo#7

# Repositories

pipeline run "Count the last page"
pipeline run --repo nowhere "Count the last page"
pipeline run --repo file.txt "Count the last page"
pipeline run --repo empty "Count the last page"
pipeline run --repo "" "Count the last page"
pipeline run --repo https:// "Count the last page"
pipeline run --repo ftp://host.test/x.git "Count the last page"
pipeline run --repo https://me:secret@host.test/x.git "Count the last page"
pipeline run --repo --upload-pack=x "Count the last page"
pipeline run --repo "$REPO" --base no-branch "Count the last page"
pipeline run --repo "$REPO" --base "" "Count the last page"
pipeline run --repo "$REPO" --base=-x "Count the last page"
pipeline run --new --repo "$REPO" "Count the last page"
pipeline run --new --base main "Count the last page"
pipeline run --new --include-dirty "Count the last page"

# Tests of one's own

pipeline run --new --tests nowhere.py "Count the last page"
pipeline run --new --tests empty "Count the last page"
pipeline run --new --tests no_test.py "Count the last page"
pipeline run --new --tests "" "Count the last page"
pipeline run --new --tests test_mine.py --test-author anthropic:claude-opus-5 "Count the last page"

# Who works

pipeline run --new --crew expensive "Count the last page"
pipeline run --new --coder gpt "Count the last page"
pipeline run --new --coder "" "Count the last page"
pipeline run --new --coder openai: "Count the last page"
pipeline run --new --coder nobody:model "Count the last page"
pipeline run --new --coder none "Count the last page"
pipeline run --new --coder openai:gpt-6.1-sol --reviewer openai:gpt-6-luna "Count the last page"
pipeline run --new --reviewer "claude sonnet" "Count the last page"
pipeline run --new --effort high "Count the last page"
pipeline run --new --effort draft=huge "Count the last page"
pipeline run --new --effort cook=high "Count the last page"
pipeline run --new --test-author none --effort author=high "Count the last page"
pipeline run --new --fallback openai:gpt-6.1-sol "Count the last page"
pipeline run --new --fallback review=none "Count the last page"
pipeline run --new --fallback cook=openai:gpt-6.1-sol "Count the last page"
pipeline run --new --reviewer none --fallback review=openai:gpt-6.1-sol "Count the last page"
pipeline run --new --scripted nowhere "Count the last page"
pipeline run --new --scripted empty "Count the last page"
pipeline run --new --scripted ../replies --coder openai:gpt-6.1-sol "Count the last page"
pipeline run --new --scripted ../replies --flex "Count the last page"
pipeline run --new --record r --replay r "Count the last page"
pipeline run --new --replay nowhere "Count the last page"
pipeline run --new --replay empty "Count the last page"
pipeline run --new --record file.txt "Count the last page"

# How far

pipeline run --new --max-iterations 0 "Count the last page"
pipeline run --new --max-iterations 21 "Count the last page"
pipeline run --new --max-iterations two "Count the last page"
pipeline run --new --max-iterations -1 "Count the last page"
pipeline run --new --test-seconds 0 "Count the last page"
pipeline run --new --test-seconds 1h "Count the last page"
pipeline run --new --budget -1 "Count the last page"
pipeline run --new --budget two "Count the last page"
pipeline run --new --budget "" "Count the last page"
pipeline run --new --budget 1,50 "Count the last page"
pipeline run --new --budget NaN "Count the last page"
pipeline run --new --budget 1e12 "Count the last page"
pipeline run --new --budget 0 "Count the last page"
pipeline run --new --budget 2.00 --coder openai:unheard-of "Count the last page"
pipeline run --new --token-budget 0 "Count the last page"
pipeline run --new --token-budget 5x "Count the last page"
pipeline run --new --token-budget -5 "Count the last page"
pipeline run --new --require perfect "Count the last page"

# Where the change goes

pipeline run --new --out file.txt "Count the last page"
pipeline run --new --out full "Count the last page"
pipeline run --new --out file.txt/below "Count the last page"
pipeline run --new --patch full "Count the last page"
pipeline run --new --patch nowhere/at/all.patch "Count the last page"
pipeline run --new --patch "" "Count the last page"
pipeline run --new "Count the last page" --commit "A message"

# Runs that there aren't

pipeline resume
pipeline resume 20260101-0000-abcde
pipeline resume --budget 4.00
pipeline fork
pipeline fork 20260101-0000-abcde
pipeline fork 20260101-0000-abcde --at last
pipeline show
pipeline show 20260101-0000-abcde
pipeline show ""
pipeline log
pipeline log 20260101-0000-abcde
pipeline diff
pipeline diff 20260101-0000-abcde
pipeline apply
pipeline apply 20260101-0000-abcde
pipeline open
pipeline cancel
pipeline cancel 20260101-0000-abcde
pipeline runs --limit 0
pipeline runs --limit many

# Bundles

pipeline verify
pipeline verify nowhere
pipeline verify empty
pipeline verify file.txt
pipeline verify full --repo nowhere

# Tests, commits and the rest

pipeline test
pipeline test --repo nowhere
pipeline test --repo "$REPO" --base no-branch
pipeline test --repo "$REPO" --test-seconds 0
pipeline commit
pipeline commit file.txt
pipeline commit file.txt -m "A message"
cd "$REPO" && pipeline commit nowhere.py -m "A message"
cd "$REPO" && pipeline commit pages.py -m "A message"
cd "$REPO" && pipeline commit pages.py -m ""
cd "$REPO" && pipeline commit ../here/file.txt -m "A message"
pipeline demo --out file.txt
pipeline demo fast
pipeline models --crew none
pipeline review-bench --reviewer nobody:model
pipeline doctor --repo nowhere
pipeline doctor --base main
pipeline doctor --repo "$REPO" --network
pipeline config
pipeline config set budget 2.00
pipeline clean --days -1
pipeline completions
pipeline completions tcsh
pipeline man
pipeline man file.txt

# Surroundings

env -u OPENAI_API_KEY -u OPENAI_BASE_URL bash -c '"$0" "$@"' "$PROGRAM" run --new "Count the last page"
OPENAI_API_KEY=$'key\nkey' pipeline run --new "Count the last page"
OPENAI_BASE_URL=nonsense pipeline run --new "Count the last page"
OPENAI_BASE_URL=https://me:secret@host.test/v1 pipeline run --new "Count the last page"
ANTHROPIC_BASE_URL=file:///etc pipeline run --new "Count the last page"
PIPELINE_BUDGET=two pipeline run --new "Count the last page"
PIPELINE_BUDGET=-1 pipeline run --new "Count the last page"
PIPELINE_CREW=expensive pipeline run --new "Count the last page"
PIPELINE_LIMITS__ITERATIONS_MAX=0 pipeline run --new "Count the last page"
PIPELINE_LIMITS__ITERATIONS_MAX=300 pipeline run --new "Count the last page"
PIPELINE_DATABASE_URL=mysql://host.test/runs pipeline runs
PIPELINE_DATABASE_URL=nonsense pipeline runs
PIPELINE_LOG='[[' pipeline runs
env -u HOME -u XDG_CACHE_HOME "$PROGRAM" runs
pipeline clean --days many
pipeline fork 20260101-0000-abcde --at -1
cd full && echo 'budgte = 2' > pipeline.toml && pipeline runs
cd full && echo 'budget = ' > pipeline.toml && pipeline runs
cd full && echo 'budget = "two"' > pipeline.toml && pipeline runs
cd full && echo 'prices."openai:x".input = 1' > pipeline.toml && pipeline runs
cd full && rm pipeline.toml && echo 'OPENAI_BASE_URL=http://host.test/' > .env && env -u OPENAI_BASE_URL "$PROGRAM" runs
cd full && echo 'OPENAI_API_KEY="open' > .env && pipeline runs
