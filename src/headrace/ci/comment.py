"""Post the comparison as one comment on a pull request; later runs update it.

GitHub gives a pull request from a fork no right to write, and its CI's output cannot be trusted. So
a workflow of its own runs this on that output, from the main branch. It needs Python and `gh` only:

    python3 -m headrace.ci.comment FILE
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from headrace.core import github

MARK = "<!-- headrace: the comparison -->"
MAX_LENGTH = 60_000
"""In characters; GitHub accepts 65,536."""
ALLOWED_TAGS = ("<code>", "</code>")
UNSAFE = re.compile(
    r"</?code>|[@<\[\]!`\\]|://|\bwww\."
    r"|&(?!#\d+;)"  # not the beginning of &#64;
    r"|(?<!&(?=#\d+;))#(?=\d)"  # an issue's number, and not a part of &#64;
)


def main() -> int:
    """Post the comment of the finished CI run; return the exit code."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))["workflow_run"]
    repository = os.environ["GITHUB_REPOSITORY"]
    number = _pull_request(repository, run)
    if number is None:
        print("No open pull request has this run's commit: nothing to post.")
        return 0
    if not (file := Path(sys.argv[1])).is_file():
        print("The run wrote no comparison: nothing to post.")
        return 0
    text = file.read_text("utf-8", "replace")
    body = f"{MARK}\n{sanitize(text)}\n\n[Full report]({run['html_url']})\n"
    comments = f"repos/{repository}/issues/{number}/comments"
    comment_id = _comment_id(comments)
    if comment_id is None:
        github.api(comments, "--method", "POST", body=body)
    else:
        path = f"repos/{repository}/issues/comments/{comment_id}"
        github.api(path, "--method", "PATCH", body=body)
    print(f"Pull request {number}: comment {'posted' if comment_id is None else 'updated'}.")
    return 0


def sanitize(text: str) -> str:
    """Escape links, images, mentions and tags; Markdown that headrace writes stays as it is."""
    if len(text) > MAX_LENGTH:
        text = text[: text.rfind("\n", 0, MAX_LENGTH)] + "\n\n… and more"
    return UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    part = match[0]
    return part if part in ALLOWED_TAGS else "".join(f"&#{ord(letter)};" for letter in part)


def _pull_request(repository: str, run: dict[str, Any]) -> int | None:
    """Return the number of the open pull request whose last commit is the run's."""
    # The run's own list of pull requests is empty where it came from a fork.
    head = f"{run['head_repository']['owner']['login']}:{run['head_branch']}"
    fields = ["-f", "state=open", "-f", f"head={head}"]
    pulls = json.loads(github.api(f"repos/{repository}/pulls", "--method", "GET", *fields))
    numbers = (int(pull["number"]) for pull in pulls if pull["head"]["sha"] == run["head_sha"])
    return next(numbers, None)


def _comment_id(comments: str) -> int | None:
    """Return the id of the comment of an earlier run."""
    answer = github.api(comments, "--method", "GET", "--paginate", "-f", "per_page=100")
    for comment in github.parse_pages(answer):
        # Anybody can write the mark; only a bot's comment may be replaced.
        if comment["user"]["type"] == "Bot" and comment["body"].startswith(MARK):
            return int(comment["id"])
    return None


if __name__ == "__main__":
    sys.exit(main())
