#!/usr/bin/env bash
# In CI, after a run of the workflow `review`: put its review.md on the pull request, as one comment that the next
# run renews. Needs GH_TOKEN, GITHUB_REPOSITORY, RUN_ID and HEAD, the pull request's branch ([owner:]branch).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! gh run download "$RUN_ID" --repo "$GITHUB_REPOSITORY" --name review --dir "$folder" || [ ! -s "$folder/review.md" ]; then
  echo "run $RUN_ID left no review: nothing to comment"
  exit 0
fi
gh pr comment "$HEAD" --repo "$GITHUB_REPOSITORY" --edit-last --create-if-none --body-file "$folder/review.md"
